"""The commands of the Bash blocks of a page, with their variables replaced, as a shell would run them."""

import re
import subprocess
import tempfile
from pathlib import Path

# No program is found, so this is called for each; a word ends with \0, a command with an empty word.
HANDLER = 'command_not_found_handle() { printf "%s\\0" "$@" >&3; printf "\\0" >&3; }\n'


def bash_blocks(text: str) -> list[str]:
    """The Bash blocks of a page in Markdown."""
    return re.findall(r'```bash\n(.*?)```', text, re.DOTALL)


def commands_of(text: str) -> list[list[str]]:
    """The commands of all blocks of a page; variables of a block are known in the blocks below it.

    The shell has no program to run, so nothing happens but loops, variables and quotes.

    Raises:
        AssertionError: If the shell finds a fault, such as a variable that is not set.
    """
    script = '\n'.join(bash_blocks(text))
    script = re.sub(
        r'(?m)^((?:[A-Z_0-9]+=\S+ +)*)(?=tools/\S+\.sh)', r'\1script ', script
    )  # a path is run, not looked up
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder, 'commands')
        done = subprocess.run(
            ['/bin/bash', '-c', f'exec 3>{printed}\n{HANDLER}set -u\n{script}'],
            cwd=folder,
            env={'PATH': folder},
            capture_output=True,
            text=True,
        )
        found = printed.read_text()
    assert done.stderr == '', done.stderr
    commands = [command.split('\0') for command in found.removesuffix('\0\0').split('\0\0') if command]
    return [words[words[0] == 'script' :] for words in commands]
