"""Small bare repositories for tests, written object by object, so that hostile ones can be made too."""

import os
import subprocess

import pyarrow as pa
import pyarrow.compute as pc
import pygit2
from pygit2.enums import ObjectType

from corpus.schema import LISTED
from corpus.sources.git import listing, read

SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = 1693526400, 1696118400, 1698796800, 1701388800  # first seconds, 2023, UTC


class Bare:
    """A bare repository that is filled by hand."""

    def __init__(self, path):
        self.path = str(path)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.repository = pygit2.init_repository(self.path, bare=True)
        self.head = None

    def write(self, kind, data):
        return str(self.repository.odb.write(kind, data))

    def blob(self, data):
        return self.write(ObjectType.BLOB, data)

    def tree(self, entries):
        """Of (mode, name, object id), in the order given."""
        data = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(oid)) for mode, name, oid in entries)
        return self.write(ObjectType.TREE, data)

    def files(self, files):
        """Tree of {name: content}."""
        return self.tree([(b"100644", name, self.blob(data)) for name, data in sorted(files.items())])

    def commit(self, tree, date, parents=None):
        """A commit on top of HEAD, or of the given parents, that HEAD then names."""
        parents = ([self.head] if self.head else []) if parents is None else parents
        lines = [f"tree {tree}", *(f"parent {p}" for p in parents), f"author A <a@b> {date} +0000"]
        text = "\n".join([*lines, f"committer C > D <c@d> {date} +0000", "", "tree 0\nparent 0\ncommitter x"])
        return self.point(self.write(ObjectType.COMMIT, text.encode()))

    def point(self, oid):
        """HEAD's branch at this object."""
        self.head = oid
        branch = os.path.join(self.path, "refs", "heads", "main")
        os.makedirs(os.path.dirname(branch), exist_ok=True)
        for name, content in ((branch, oid), (os.path.join(self.path, "HEAD"), "ref: refs/heads/main")):
            with open(name, "w", encoding="ascii") as file:
                file.write(content + "\n")
        return oid

    def remove(self, oid):
        os.unlink(os.path.join(self.path, "objects", oid[:2], oid[2:]))


def listed(source, root):
    return pa.Table.from_batches(list(listing(source, root)), LISTED)


def reasons(source, root):
    table = listed(source, root)
    return dict(zip(table["path"].to_pylist(), table["refused"].to_pylist(), strict=True))


def documents(source, root):
    table = listed(source, root)
    return list(read(source, table.filter(pc.is_null(table["refused"]))))


def git(folder, *words, date=OCTOBER):
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "n", f"GIT_{who}_EMAIL": "e", f"GIT_{who}_DATE": f"{date} +0000"}
    return subprocess.run(["git", "-C", folder, *words], env=env, check=True, capture_output=True).stdout
