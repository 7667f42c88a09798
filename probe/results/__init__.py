"""Write and read results files, OONI's archives included."""

from probe.platforms.durability import sync_folder
from probe.results.folders import (
    LAST,
    RECEIVED,
    RUN_FOLDER,
    RUN_NAME,
    SHARED,
    STDIN,
    STORES,
    FoundFiles,
    ResultsError,
    check_writable,
    default_root,
    file_name,
    find_files,
    is_run,
    make_private_folder,
    newest_first,
    numbered_run,
    packets_file,
    results_root,
    run_files,
    summary_file,
)
from probe.results.full_disk import FullDisk, full_disk, full_disk_in, is_full, reason_of, try_writing
from probe.results.packing import can_pack, unfinished
from probe.results.problem import Problem
from probe.results.reading import LONGEST_LINE, Piece, read_lines, read_pieces
from probe.results.remote import RemoteFile, Source, is_remote
from probe.results.unpacking import zstd_module
from probe.results.used_folders import list_file, remember, state_folder, used_folders
from probe.results.writing import ResultsFile

__all__ = [
    "LAST",
    "LONGEST_LINE",
    "RECEIVED",
    "RUN_FOLDER",
    "RUN_NAME",
    "SHARED",
    "STDIN",
    "STORES",
    "FoundFiles",
    "FullDisk",
    "Piece",
    "Problem",
    "RemoteFile",
    "ResultsError",
    "ResultsFile",
    "Source",
    "can_pack",
    "check_writable",
    "default_root",
    "file_name",
    "find_files",
    "full_disk",
    "full_disk_in",
    "is_full",
    "is_remote",
    "is_run",
    "list_file",
    "make_private_folder",
    "newest_first",
    "numbered_run",
    "packets_file",
    "read_lines",
    "read_pieces",
    "reason_of",
    "remember",
    "results_root",
    "run_files",
    "state_folder",
    "summary_file",
    "sync_folder",
    "try_writing",
    "unfinished",
    "used_folders",
    "zstd_module",
]
