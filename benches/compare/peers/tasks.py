"""What the scripts of all peers share: `SCRIPT TASK INPUT OUTPUT [INPUT OUTPUT ...]`."""

import sys


def main(tasks):
    """Runs a task. Of several inputs one that fails does not end the run: its message is printed."""
    name, *paths = sys.argv[1:]
    task = {task.__name__: task for task in tasks}[name]
    pairs = list(zip(paths[::2], paths[1::2], strict=True))
    if len(pairs) == 1:
        task(*pairs[0])
        return
    for source, output in pairs:
        try:
            task(source, output)
        except BaseException as error:  # some engines raise panics, which are no Exception
            print(f"{source}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
