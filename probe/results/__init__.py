"""Write and read results files, OONI's archives included."""

from probe.results.folders import (
    STDIN,
    Found,
    ResultsError,
    check_writable,
    default_root,
    file_name,
    find_files,
    make_private_folder,
    results_root,
    run_files,
)
from probe.results.full_disk import FullDisk, full_disk, full_disk_in, is_full, reason_of, try_writing
from probe.results.problem import Problem
from probe.results.reading import LONGEST_LINE, Piece, read_lines, read_pieces
from probe.results.remote import RemoteFile, Source, is_remote
from probe.results.used_folders import list_file, remember, state_folder, used_folders
from probe.results.writing import ResultsFile

__all__ = [
    "LONGEST_LINE",
    "STDIN",
    "Found",
    "FullDisk",
    "Piece",
    "Problem",
    "RemoteFile",
    "ResultsError",
    "ResultsFile",
    "Source",
    "check_writable",
    "default_root",
    "file_name",
    "find_files",
    "full_disk",
    "full_disk_in",
    "is_full",
    "is_remote",
    "list_file",
    "make_private_folder",
    "read_lines",
    "read_pieces",
    "reason_of",
    "remember",
    "results_root",
    "run_files",
    "state_folder",
    "try_writing",
    "used_folders",
]
