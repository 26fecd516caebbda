"""What a user would write: stage history and deals with fast_bitrix24, joined, into one table with sqlite3 or pymssql.

    usual_script.py WEBHOOK sqlite:PATH [--requests-per-second N] [--burst N]
    usual_script.py WEBHOOK mssql://user:password@host:port/database ...

It fills the same columns from the same fields as `stage-exchange bulk history` (NAME, dates, who is responsible), without what
that does besides: no reading back, no comparing, no going on after a break, no following, nobody's move told apart from the
responsible user's. Prints one line of JSON.

fast_bitrix24 takes any URL with a path as a webhook, http on this machine included, so nothing of it is changed here.
"""

import argparse
import json
import resource
import sqlite3
import time
from datetime import datetime, timezone
from urllib.parse import unquote, urlparse

from fast_bitrix24 import Bitrix

COLUMNS = [
    "EXTERNAL_ID", "TYPE_ID", "OWNER_ID", "DATE_INSERT", "CREATED_TIME", "START_DATE", "END_DATE", "NAME",
    "RESPONSIBLE_ID", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID", "IS_LOST", "RECORD_TYPE_ID",
]
TYPES = [
    "bigint not null unique", "int", "bigint", "datetime", "datetime", "date", "date", "nvarchar(255)",
    "bigint", "int", "nvarchar(10)", "nvarchar(50)", "nchar(1)", "int",
]
TABLE = "USUAL_STAGE_HISTORY"
ROWS_A_COMMIT = 10_000


def fetch(bitrix):
    """Everything into memory, as get_all does it."""
    history = bitrix.get_all("crm.stagehistory.list", {
        "entityTypeId": 2,
        "select": ["ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID"],
    })
    deals = bitrix.get_all("crm.deal.list", {"select": ["ID", "ASSIGNED_BY_ID", "BEGINDATE", "CLOSEDATE"]})
    statuses = bitrix.get_all("crm.status.list")
    return history, deals, statuses


def day(text):
    return text[:10] if text else None


def utc(text):
    return datetime.fromisoformat(text).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def rows(history, deals, statuses):
    deal = {int(deal["ID"]): deal for deal in deals}
    name = {s["STATUS_ID"]: s["NAME"] for s in statuses if s["ENTITY_ID"].startswith("DEAL_STAGE")}
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    for record in history:
        its = deal.get(int(record["OWNER_ID"]), {})
        assigned = its.get("ASSIGNED_BY_ID")
        yield (
            int(record["ID"]), 2, int(record["OWNER_ID"]), now, utc(record["CREATED_TIME"]),
            day(its.get("BEGINDATE")), day(its.get("CLOSEDATE")), name.get(record["STAGE_ID"]),
            int(assigned) if assigned else None, int(record["CATEGORY_ID"]), record["STAGE_SEMANTIC_ID"],
            record["STAGE_ID"], "Y" if record["STAGE_SEMANTIC_ID"] == "F" else "N", int(record["TYPE_ID"]),
        )


def connect(target):
    """A connection and its sign for a parameter."""
    if target.startswith("sqlite:"):
        return sqlite3.connect(target.removeprefix("sqlite:")), "?"
    import pymssql

    url = urlparse(target)
    return pymssql.connect(
        server=url.hostname, port=str(url.port or 1433), user=unquote(url.username or ""),
        password=unquote(url.password or ""), database=url.path.strip("/"),
    ), "%s"


def write(target, everything):
    connection, sign = connect(target)
    cursor = connection.cursor()
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, TYPES))
    cursor.execute(f"CREATE TABLE {TABLE} ({columns})")
    connection.commit()
    insert = f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({', '.join([sign] * len(COLUMNS))})"
    everything = list(everything)
    for start in range(0, len(everything), ROWS_A_COMMIT):
        cursor.executemany(insert, everything[start:start + ROWS_A_COMMIT])
        connection.commit()
    cursor.execute(f"SELECT COUNT(*) FROM {TABLE}")
    count = cursor.fetchone()[0]
    connection.close()
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("webhook")
    parser.add_argument("target")
    parser.add_argument("--requests-per-second", type=float, default=2.0)
    parser.add_argument("--burst", type=int, default=50)
    arguments = parser.parse_args()

    began = time.monotonic()
    bitrix = Bitrix(
        arguments.webhook,
        verbose=False,
        requests_per_second=arguments.requests_per_second,
        request_pool_size=arguments.burst,
    )
    history, deals, statuses = fetch(bitrix)
    fetched = time.monotonic()
    count = write(arguments.target, rows(history, deals, statuses))
    ended = time.monotonic()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "rows": count,
        "deals": len(deals),
        "fetch_seconds": round(fetched - began, 2),
        "write_seconds": round(ended - fetched, 2),
        "seconds": round(ended - began, 2),
        "rows_per_second": round(count / (ended - began), 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mib": round(used.ru_maxrss / 1024, 1),
    }))


if __name__ == "__main__":
    main()
