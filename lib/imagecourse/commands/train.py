"""`imagecourse train`: a model from a data set."""

import argparse
import os
import shlex
from pathlib import Path

from imagecourse.commands import add_command
from imagecourse.recipes import TASKS
from imagecourse.values import positive, seed


def add(commands) -> None:
    """Declare the command."""
    example = "imagecourse train photo --data sample --epochs 5 --output models/my-filter"
    train = add_command(commands, "train", "Train a model and save its folder.", example, None)
    tasks = train.add_subparsers(required=True, metavar="TASK", dest="task")
    for name, task in TASKS.items():
        command = add_command(
            tasks, name, task.summary.replace("%", "%%"), f"imagecourse train {name} --data sample --epochs 5", _train
        )
        command.add_argument("--data", required=True, metavar="PATH", help="folder of a data set, or the word sample")
        command.add_argument(
            "--output",
            type=Path,
            default=Path("models", task.model_name),
            metavar="DIR",
            help=f"model folder, written when all is done (default: models/{task.model_name})",
        )
        command.add_argument("--epochs", type=positive, metavar="N", help="at most so many (default: the recipe's)")
        command.add_argument("--image-size", type=positive, metavar="N", help="pixels a side (default: the network's)")
        command.add_argument("--seed", type=seed, default=42, metavar="N", help="of all chance (default: 42)")
        command.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
        task.add_options(command)


def _train(options: argparse.Namespace) -> int:
    from imagecourse import recipes
    from imagecourse.commands.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()

    given = {name: value for name, value in vars(options).items() if name not in ("run", "task")}
    common = {name: given.pop(name) for name in ("data", "output", "epochs", "image_size", "seed", "resume")}
    command = _training_command(options.task, common | given)
    print(recipes.train(recipes.TrainingRequest(options.task, command=command, **common), **given))
    return 0


def _training_command(task: str, given: dict) -> str:
    """For the card: folders by name only, since where they lay on this computer is nobody's business."""
    words = ["imagecourse", "train", task]
    given = given | {
        "data": os.path.basename(os.path.realpath(given["data"])),
        "output": f"models/{given['output'].name}",
    }
    for name, value in given.items():
        for part in value if isinstance(value, list) else [value]:
            if part is not None and part is not False and name != "resume":
                words.append(f"--{name.replace('_', '-')}")
                words += [] if part is True else [part.name if isinstance(part, Path) else str(part)]
    return shlex.join(words)
