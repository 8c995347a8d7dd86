"""A server on loopback that gives files by Range and fails as it is told, and files laid out as Common Crawl's."""

import gzip
import io
import json
import time
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.http import HttpConfig

DUMP = "CC-MAIN-2023-40"
LOOPBACK = HttpConfig(networks=("127.0.0.0/8",), first_wait=0.01, attempts=4, token_origins=())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.lstrip("/")
        self.server.asked[path] += 1
        faults = self.server.faults[path]
        fault = faults.pop(0) if faults else None
        if isinstance(fault, int):
            self.answer(fault, b"", {"Retry-After": "0"} if fault in (403, 429, 503) else {})
            return
        data = self.server.files.get(path)
        if data is None:
            self.answer(404, b"", {})
            return
        status, headers = 200, {"Accept-Ranges": "bytes", "ETag": '"1"'}
        asked = self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1 if last else len(data), len(data))
            if start >= len(data):
                self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{len(data)}"
            data = data[start:stop]
        self.answer(status, data, headers, fault)

    def answer(self, status, data, headers, fault=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if fault == "reset":
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        elif fault == "slow":
            for part in (data[:5], data[5:]):
                time.sleep(0.05)
                self.wfile.write(part)
        else:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def served(files):
    """(URL, server) while the block runs; `server.faults[path]` is a list of statuses, "reset" or "slow"."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.files, server.faults, server.asked = files, defaultdict(list), defaultdict(int)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def surt(url):
    host, _, path = url.split("://", 1)[1].partition("/")
    return f"{','.join(reversed(host.removeprefix('www.').split('.')))})/{path}"


def crawl_files(captures, *, block=2, row_group=2, garbage=()):
    """A dump of `captures`, (url, record, what the index says of it beside the usual), with both indices."""
    name = f"crawl-data/{DUMP}/segments/1/warc/one.warc.gz"
    rows, offset = [], 0
    for url, record, more in captures:
        rows.append(
            {
                "url_surtkey": surt(url),
                "url": url,
                "url_host_name": url.split("/")[2],
                "fetch_time": datetime(2023, 9, 21, tzinfo=UTC),
                "fetch_status": 200,
                "content_mime_detected": "text/html",
                "content_languages": "eng",
                "content_digest": f"D{offset}",
                "content_truncated": None,
                "warc_filename": name,
                "warc_record_offset": offset,
                "warc_record_length": len(record),
            }
            | more
        )
        offset += len(record)
    rows.sort(key=lambda row: row["url_surtkey"])
    table = f"cc-index/table/cc-main/warc/crawl={DUMP}/subset=warc/part-00000.parquet"
    other = f"cc-index/table/cc-main/warc/crawl={DUMP}/subset=robotstxt/part-00000.parquet"
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), parquet, row_group_size=row_group)
    indexes = f"cc-index/collections/{DUMP}/indexes"
    cdx, cluster = b"", ""
    for start in range(0, len(rows), block):
        lines = [_cdx_line(row) for row in rows[start : start + block]] + list(garbage)
        packed = gzip.compress("".join(line + "\n" for line in lines).encode(), mtime=0)
        key = " ".join(lines[0].split(" ")[:2])
        cluster += f"{key}\tcdx-00000.gz\t{len(cdx)}\t{len(packed)}\t{start // block + 1}\n"
        cdx += packed
    lists = {
        "warc.paths.gz": [name],
        "cc-index-table.paths.gz": [other, table],
        "cc-index.paths.gz": [f"{indexes}/cdx-00000.gz", f"{indexes}/cluster.idx", f"{indexes}/metadata.yaml"],
    }
    return {
        name: b"".join(record for _, record, _ in captures),
        table: parquet.getvalue(),
        f"{indexes}/cdx-00000.gz": cdx,
        f"{indexes}/cluster.idx": cluster.encode(),
        **{f"crawl-data/{DUMP}/{file}": gzip.compress("\n".join(paths).encode()) for file, paths in lists.items()},
    }


def _cdx_line(row):
    fields = {
        "url": row["url"],
        "mime-detected": row["content_mime_detected"],
        "status": str(row["fetch_status"]),
        "digest": row["content_digest"],
        "length": str(row["warc_record_length"]),
        "offset": str(row["warc_record_offset"]),
        "filename": row["warc_filename"],
        "languages": row["content_languages"],
    }
    fields |= {"truncated": row["content_truncated"]} if row["content_truncated"] else {}
    return f"{row['url_surtkey']} {row['fetch_time']:%Y%m%d%H%M%S} {json.dumps(fields)}"
