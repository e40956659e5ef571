"""The jobs as Python functions, on files, hub ids or objects in memory, for scripts, notebooks and async code (``a...``).

Each function takes its main inputs by name. Every further option is a field of the job's configuration (``rightly.jobs``),
with the command line's defaults. Errors that a user can fix are `rightly.errors.RightlyError` with a one-line message.
"""
