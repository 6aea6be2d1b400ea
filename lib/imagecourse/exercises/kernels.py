"""The kernel that runs notebooks."""

import sys

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec


class ThisPython(AsyncKernelManager):
    """A kernel of the Python that runs the command, whatever others are installed on the computer.

    Asynchronous, so that whoever waits for its answer also notices that it died.
    """

    @property
    def kernel_spec(self) -> KernelSpec:
        """How it is started; jupyter_client asks for it."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python", language="python")
