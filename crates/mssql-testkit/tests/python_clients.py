"""Lets pymssql and python-tds work with a test server on the port given as the first argument."""

import datetime
import decimal
import io
import sys
import uuid

import pymssql
import pytds

PORT = int(sys.argv[1])
NAME = "Воронка «Enamour» 😀 O'Hara"


def check(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def refused(call, number):
    try:
        call()
    except (pymssql.Error, pytds.Error) as error:
        first = error.args[0]
        check(first[0] if isinstance(first, tuple) else first, number)
    else:
        raise AssertionError(f"no error {number}")


def with_pymssql():
    connect = lambda password="Passw0rd!", database="test": pymssql.connect(
        server="127.0.0.1", port=PORT, user="sa", password=password, database=database)
    refused(lambda: connect(password="wrong"), 18456)
    connection = connect()
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE dbo.one (ID int IDENTITY(1,1) NOT NULL PRIMARY KEY, NAME nvarchar(100) NOT NULL,"
        " V varchar(20) NULL, D datetime2(3) NULL, N decimal(10,2) NULL)")
    connection.commit()
    moment = datetime.datetime(2024, 2, 29, 12, 30, 15, 123000)
    cursor.executemany("INSERT INTO dbo.one (NAME, V, D, N) VALUES (%s, %s, %s, %s)",
                       [(NAME, "Ж-x", moment, decimal.Decimal("1.50")), ("second", None, None, None)])
    connection.commit()
    cursor.execute("SELECT NAME, V, D, N FROM dbo.one ORDER BY ID")
    check(cursor.fetchall(), [(NAME, "?-x", moment, decimal.Decimal("1.50")), ("second", None, None, None)])
    cursor.execute("DELETE FROM dbo.one")
    check(cursor.rowcount, 2)
    connection.rollback()
    cursor.execute("SELECT COUNT(*) FROM dbo.one")
    check(cursor.fetchall(), [(2,)])
    refused(lambda: cursor.execute("INSERT INTO dbo.one (NAME) VALUES (NULL)"), 515)
    connection.rollback()
    cursor.execute("CREATE TABLE dbo.loaded (A int NOT NULL, T nvarchar(max) NULL, X float NULL)")
    connection.commit()
    connection.bulk_copy("loaded", [(1, "short", 0.5), (2, None, None), (3, "Ж" * 5000, -1.0)])
    connection.commit()
    cursor.execute("SELECT A, LEN(T), X FROM dbo.loaded ORDER BY A")
    check(cursor.fetchall(), [(1, 5, 0.5), (2, None, None), (3, 5000, -1.0)])
    connection.close()


def with_pytds():
    connection = pytds.connect(dsn="127.0.0.1", port=PORT, user="sa", password="Passw0rd!", database="test",
                               autocommit=False)
    cursor = connection.cursor()
    cursor.execute("SELECT NAME FROM dbo.one ORDER BY ID")
    check([row[0] for row in cursor.fetchall()], [NAME, "second"])
    cursor.execute(
        "CREATE TABLE dbo.two (A int NOT NULL PRIMARY KEY, B nvarchar(50), C date, D time(6), E datetime2(6),"
        " G uniqueidentifier, H varbinary(max), I bit, J decimal(20,5))")
    row = (1, NAME, datetime.date(2024, 2, 29), datetime.time(23, 59, 59, 999999),
           datetime.datetime(2024, 2, 29, 1, 2, 3, 456789), uuid.UUID("12345678-1234-5678-1234-567812345678"),
           b"\x00\xff", True, decimal.Decimal("-123.45000"))
    sent = tuple(pytds.Binary(v) if isinstance(v, bytes) else v for v in row)
    cursor.execute("INSERT INTO dbo.two VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", sent)
    connection.commit()
    cursor.execute("SELECT * FROM dbo.two")
    check([tuple(r) for r in cursor.fetchall()], [row])
    cursor.copy_to(io.StringIO("20\tabc\n21\tйц\n"), "two", columns=["A", "B"])
    connection.rollback()
    cursor.copy_to(io.StringIO("30\tabc\n31\tйц\n"), "two", columns=["A", "B"])
    connection.commit()
    cursor.execute("SELECT A, B FROM dbo.two WHERE A > 1 ORDER BY A")
    check([tuple(r) for r in cursor.fetchall()], [(30, "abc"), (31, "йц")])
    try:
        cursor.execute("INSERT INTO dbo.two (A) VALUES (1)")
    except pytds.IntegrityError as error:
        assert "PRIMARY KEY" in str(error), error
    else:
        raise AssertionError("a duplicate key went through")
    connection.rollback()
    cursor.execute("BEGIN TRY SELECT 1 / 0 END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH")
    found = cursor.fetchall()
    while cursor.nextset():
        found = cursor.fetchall()
    check([tuple(r) for r in found], [(8134,)])
    connection.close()


with_pymssql()
with_pytds()
print("both clients are content")
