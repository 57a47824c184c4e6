"""What can go wrong in the sandbox: one class per cause, each message says what to do next."""

from __future__ import annotations


class SandboxError(Exception):
    """The base of every error that the sandbox raises on purpose; its text is meant for a person."""


class MissingPrerequisite(SandboxError):
    """The machine lacks something that the sandbox cannot bring along."""


class BuildFailed(SandboxError):
    """The control plane's programs could not be built."""


class ProgramFailed(SandboxError):
    """A supervised program, or a command that prepares one, ended with an error."""


class Unhealthy(SandboxError):
    """A part did not answer as it should, or not before its deadline."""


class ExternalSystemUnreachable(SandboxError):
    """A GitLab, cluster or database named by the environment does not answer."""


class UnknownPart(SandboxError):
    """A part or program was named that this sandbox does not have."""
