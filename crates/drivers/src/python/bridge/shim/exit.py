"""Ends the run from within: the signals are handed on to the run, whose process is another one."""
import contextlib
import os
import signal

__all__ = ["exit_gracefully", "exit_ungracefully", "exit_signals"]


def exit_gracefully():
    """Ends the run; its rollbacks are played if its strategy says so."""
    os.kill(os.getpid(), signal.SIGUSR1)


def exit_ungracefully():
    """Ends the run at once, without rollbacks."""
    os.kill(os.getpid(), signal.SIGUSR2)


@contextlib.contextmanager
def exit_signals():
    """The signals are handled already."""
    yield
