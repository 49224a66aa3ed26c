"""Writes a directory as a tar archive that depends only on the content of its files: tar.py TIME FOLDER NAME > ARCHIVE."""

import pathlib
import sys
import tarfile


def plain(member, time):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = time
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member


def main(time, folder, name):
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted([pathlib.Path(folder, name), *pathlib.Path(folder, name).rglob("*")]):
            member = archive.gettarinfo(path, path.relative_to(folder).as_posix())
            with path.open("rb") if path.is_file() else open("/dev/null", "rb") as content:
                archive.addfile(plain(member, int(time)), content if member.isfile() else None)


main(*sys.argv[1:])
