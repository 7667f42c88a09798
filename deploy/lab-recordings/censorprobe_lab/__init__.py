"""Hold the recordings of the lab's scenarios. `probe/lab/recordings.py` finds them in the folder `recorded`."""
