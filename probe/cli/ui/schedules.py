"""Write the lines that let a system run a command once a day."""

import shlex
import subprocess
from collections.abc import Sequence

from probe.messages import tr

CRON = "17 9 * * *  {command}"
SYSTEMD = """# ~/.config/systemd/user/censorprobe.service
[Service]
Type=oneshot
ExecStart={command}

# ~/.config/systemd/user/censorprobe.timer
[Timer]
OnCalendar=*-*-* 09:17
RandomizedDelaySec=1h
[Install]
WantedBy=timers.target

# then: systemctl --user enable --now censorprobe.timer"""
WINDOWS = "schtasks /Create /TN censorprobe /SC DAILY /ST 09:17 /TR {command}"


def schedules(command: Sequence[str]) -> list[tuple[str, str]]:
    """Return the name of each scheduler with its lines."""
    quoted = shlex.join(command)
    on_windows = subprocess.list2cmdline([subprocess.list2cmdline(command)])
    return [
        (tr("Linux, macOS and Termux: cron (crontab -e)"), CRON.format(command=quoted)),
        (tr("Linux: systemd timer"), SYSTEMD.format(command=quoted)),
        (tr("Windows: Task Scheduler"), WINDOWS.format(command=on_windows)),
    ]
