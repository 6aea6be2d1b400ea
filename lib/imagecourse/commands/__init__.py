"""One module per command of the command line: `add` declares its options; heavy imports wait inside the handlers."""

import argparse


def add_command(commands, name: str, description: str, example: str, run) -> argparse.ArgumentParser:
    """A command with a line of help and an example; run: a function of the parsed options, gives the exit status."""
    command = commands.add_parser(
        name,
        help=description,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command
