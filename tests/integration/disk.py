"""A file system of its own for a store: small, so that it fills; or one that turns read-only under the server.

It is mounted, so these tests need to be root; where that is not permitted they fail.
"""

import contextlib
import os
import pathlib
import subprocess
import tempfile

MIB = 1 << 20


def run(*args):
    done = subprocess.run([str(arg) for arg in args], capture_output=True, text=True)
    assert done.returncode == 0, f"{args} (these tests mount file systems): {done.stderr}"
    return done.stdout


class Disk:
    """`kind` "tmpfs": fills. "ext4": an image behind a loop device, which can be made to turn read-only as after an error."""

    def __init__(self, kind, mib):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coid-disk-"))
        self.path = self.folder / "store"
        self.path.mkdir()
        self.image = None
        if kind == "tmpfs":
            run("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", self.path)
            return
        self.image = self.folder / "image"
        with open(self.image, "wb") as image:
            image.truncate(mib * MIB)
        run("mkfs.ext4", "-q", "-m", "0", self.image)
        run("mount", "-o", "loop,errors=remount-ro", self.image, self.path)

    def free(self):
        info = os.statvfs(self.path)
        return info.f_bavail * info.f_frsize

    def fill(self, leave=0):
        """Takes all room but `leave` bytes, by a file that is no part of the store."""
        with open(self.path / "filler", "ab") as filler:
            for step in (MIB, 64 << 10, 4096):
                with contextlib.suppress(OSError):
                    while self.free() >= leave + step:
                        filler.write(b"x" * step)
                        filler.flush()
            if leave == 0:
                with contextlib.suppress(OSError):
                    while True:
                        os.write(filler.fileno(), b"x" * 512)

    def make_room(self):
        (self.path / "filler").unlink()

    def turn_read_only(self):
        """Makes the kernel act as after a device error: files that are open for writing refuse all writes."""
        device = pathlib.Path(run("findmnt", "-n", "-o", "SOURCE", self.path).strip()).name
        pathlib.Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("test")

    def mount_again(self):
        """After the server has ended."""
        run("umount", self.path)
        subprocess.run(["e2fsck", "-p", str(self.image)], capture_output=True)
        run("mount", "-o", "loop,errors=remount-ro", self.image, self.path)

    def close(self):
        run("umount", "-l", self.path)
        run("rm", "-rf", "--one-file-system", self.folder)
