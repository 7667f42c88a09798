"""Start the program from the folder that PyInstaller makes."""

import multiprocessing

from probe.cli import main

if __name__ == "__main__":
    multiprocessing.freeze_support()  # `probe ingest` starts further processes of this file
    main()
