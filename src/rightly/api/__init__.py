"""The jobs as Python functions: on files, hub ids or objects in memory; in scripts, notebooks and (``a...``) async code.

Each takes what it needs by name; every further option is a field of the job's configuration (``rightly.jobs``), with the
command line's defaults. What a user can mend is a `rightly.errors.RightlyError` in one line.
"""
