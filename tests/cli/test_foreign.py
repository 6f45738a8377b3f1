"""Files in forms that are not read: each is named for what it is, and the command in the message makes of it what is
read, beside what the file was made from. Commands whose tools are not installed are skipped."""
import bz2
import gzip
import importlib
import json
import lzma
import os
import shutil
import sqlite3
import subprocess
import sys
import zlib

import anndata
import h5py
import numpy as np
import pandas
import pytest
import scipy.io
import scipy.sparse

from matrices import read_matrix
from program import PROGRAM, environment, run

FOREIGN = {
    "json lines": (b'{"user": 1, "item": 2, "rating": 3}\n{"user": 1, "item": 4, "rating": 3}\n', "JSON", "jq"),
    "json array": (b'[\n  {"user": 1, "item": 2}]', "JSON", "jq"),
    "netflix": (b"1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\n885013,4,2005-10-19\n", "Netflix", "awk"),
    "parquet": (b"PAR1\x15\x04\x15", "Parquet", "read_parquet"),
    "feather": (b"ARROW1\0\0", "Arrow", "read_feather"),
    "rds": (gzip.compress(b"X\n\0\0\0\3\0\4\2\1"), "R object", "readRDS"),
    "rdata": (gzip.compress(b"RDX3\nX\n\0\0\0\3"), "R workspace", "load"),
    "pickle": (b"\x80\x04\x95\x10\0\0", "pickle", "read_pickle"),
    "matlab": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "MATLAB", "loadmat"),
    "xlsx": (b"PK\x03\x04" + bytes(22) + b"\x13\0\0\0[Content_Types].xml", "Excel", "read_excel"),
    "zipped csv": (b"PK\x03\x04" + bytes(22) + b"\x05\0\0\0a.csv1,2,3", "zip archive", "unzip -p"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "Excel", "read_excel"),
    "sqlite": (b"SQLite format 3\0\x10", "SQLite", "sqlite3"),
    "netcdf 3": (b"CDF\x01\0\0", "netCDF 3", "nccopy"),
    "page": (b"<!DOCTYPE html>\n<html>", "web page", "read_html"),
    "bzip2": (b"BZh91AY&SY\0", "bzip2", "bzip2 -dc"),
    "gct": (b"#1.2\n3\t2\nName\tDescription\ts1\ts2\ng1\tx\t1\t2\n", "GCT", "cut -f 1,3-"),
    "tar": (bytes(257) + b"ustar  \0", "tar", "tar xOf"),
}


def test_files_that_are_not_read_are_named_with_a_command(tmp_path):
    for name, (data, what, command) in FOREIGN.items():
        (tmp_path / name).write_bytes(data)
        result = run(["info", tmp_path / name], expect=1)
        assert len(result.messages) == 1, result
        for part in (name, what, command):
            assert part in result.messages[0], result
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / ".zgroup").write_text("{}")
    assert "Zarr" in run(["info", tmp_path / "a.zarr"], expect=1).messages[0]
    assert "curl" in run(["info", "https://example.org/ratings.csv"], expect=1).messages[0]


# --- The commands ---

RATINGS = pandas.DataFrame({"user": ["u1", "u1", "u2"], "item": ["a", "b", "a"], "rating": [3.0, 4.5, 1.0]})
TABLE = pandas.DataFrame([[1, 0, 2.5], [0, 3, 4]], index=["g1", "g2"], columns=["s1", "s2", "s3"])
ARRAY = np.ascontiguousarray(TABLE)
CSV = RATINGS.to_csv(index=False).encode()
PAIRED = RATINGS.pivot(index="user", columns="item", values="rating").fillna(0)
RECORDS = RATINGS.to_dict("records")
HEADER = "Geneid\tChr\tStart\tEnd\tStrand\tLength\ts1\ts2\ts3\n"


def frame(method, *arguments, of=RATINGS, **options):
    return lambda path: getattr(of, method)(path, *arguments, **options)


def dump(data, indent=None):
    return json.dumps(data, indent=indent).encode()


def sqlite(path):
    with sqlite3.connect(path) as database:
        RATINGS.to_sql("ratings", database, index=False)


def netcdf(path):
    with scipy.io.netcdf_file(path, "w") as file:
        file.createDimension("y", 2)
        file.createDimension("x", 3)
        file.createVariable("m", "d", ("y", "x"))[:] = ARRAY


def packed(*command):
    """The CSV file, packed by a program into what it is told."""
    def write(path):
        (path.parent / "ratings.csv").write_bytes(CSV)
        subprocess.run([word.replace("OUT", str(path)) for word in command], cwd=path.parent, check=True,
                       stdout=subprocess.DEVNULL)
        (path.parent / "ratings.csv").unlink()
    return write


def folder(**parts):
    def write(path):
        path.mkdir()
        for name, data in parts.items():
            (path / name.replace("_", "-")).write_bytes(data)
    return write


def zarr(path):
    table = anndata.AnnData(ARRAY, pandas.DataFrame(index=TABLE.index), pandas.DataFrame(index=TABLE.columns))
    table.write_zarr(path)


def biom(path):
    with h5py.File(path, "w") as file:
        file.attrs.update({"id": "x", "type": "OTU table", "format-url": "http://biom-format.org", "generated-by": "x",
                           "format-version": (2, 1), "creation-date": "2020-01-01T00:00:00", "shape": ARRAY.shape,
                           "nnz": 4})
        for axis, ids, values in (("observation", TABLE.index, ARRAY), ("sample", TABLE.columns, ARRAY.T)):
            file.create_dataset(f"{axis}/ids", data=list(ids), dtype=h5py.string_dtype())
            file.create_group(f"{axis}/metadata")
            file.create_group(f"{axis}/group-metadata")
            sparse = scipy.sparse.csr_matrix(values)
            for part in ("data", "indices", "indptr"):
                file[f"{axis}/matrix/{part}"] = getattr(sparse, part)


def h5seurat(path):
    with h5py.File(path, "w") as file:
        sparse = scipy.sparse.csc_matrix(ARRAY)
        for slot in ("counts", "data"):
            for part in ("data", "indices", "indptr"):
                file[f"assays/RNA/{slot}/{part}"] = getattr(sparse, part)
            file[f"assays/RNA/{slot}"].attrs["dims"] = ARRAY.shape
        for name, names in (("assays/RNA/features", TABLE.index), ("cell.names", TABLE.columns)):
            file.create_dataset(name, data=list(names), dtype=h5py.string_dtype())


def r_object(code):
    def write(path):
        TABLE.to_csv(path.parent / "table.txt")
        program = f'library(Matrix); x <- as.matrix(read.csv("table.txt", row.names=1)); {code.replace("OUT", str(path))}'
        subprocess.run(["Rscript", "-e", program], cwd=path.parent, check=True, stdout=subprocess.DEVNULL)
    return write


# What writes the file, or its bytes; what is read in the end; what is needed; what stands for names in the command.
CASES = {
    "parquet": (frame("to_parquet"), PAIRED, ["pyarrow"]),
    "parquet of a matrix": (frame("to_parquet", of=TABLE), TABLE, ["pyarrow"]),
    "feather": (frame("to_feather"), PAIRED, ["pyarrow"]),
    "orc": (frame("to_orc"), PAIRED, ["pyarrow"]),
    "parts of parquet": (lambda path: (path.mkdir(), RATINGS.to_parquet(path / "part-0.parquet")), PAIRED, ["pyarrow"]),
    "parts of text": (folder(part_0=b"u1,a,3\nu1,b,4.5\n", part_1=b"u2,a,1\n", _SUCCESS=b""), PAIRED, []),
    "pickle": (frame("to_pickle"), PAIRED, []),
    "old pickle": (frame("to_pickle", protocol=2), PAIRED, []),
    "pickle of a matrix.gz": (frame("to_pickle", compression="gzip", of=TABLE), TABLE, []),
    "rds": (r_object('saveRDS(x, "OUT")'), TABLE, ["Rscript"]),
    "rds of a sparse matrix": (r_object('saveRDS(Matrix(x, sparse=TRUE), "OUT", compress=FALSE)'), TABLE, ["Rscript"]),
    "rdata": (r_object('save(x, file="OUT")'), TABLE, ["Rscript"]),
    "matlab": (lambda path: scipy.io.savemat(path, {"NAME": ARRAY}, appendmat=False), ARRAY, []),
    "sparse matlab": (lambda path: scipy.io.savemat(path, {"NAME": scipy.sparse.csc_matrix(ARRAY)}, appendmat=False),
                      ARRAY, []),
    "xlsx": (lambda path: RATINGS.to_excel(path, index=False, engine="openpyxl"), PAIRED, ["openpyxl"]),
    "xlsx of a matrix": (lambda path: TABLE.to_excel(path, engine="openpyxl"), TABLE, ["openpyxl"]),
    "sqlite": (sqlite, PAIRED, ["sqlite3"]),
    "netcdf 3": (netcdf, ARRAY, ["nccopy"]),
    "stata": (frame("to_stata", write_index=False), PAIRED, []),
    "new stata": (frame("to_stata", write_index=False, version=118), PAIRED, []),
    "page": (lambda path: RATINGS.to_xml(path, index=False), PAIRED, ["lxml"]),
    "biom": (biom, TABLE, ["biom"]),
    "h5seurat": (h5seurat, TABLE, []),
    "zarr": (zarr, TABLE, ["zarr"]),
    "bzip2": (bz2.compress(CSV), PAIRED, ["bzip2"]),
    "lzma": (lzma.compress(CSV, format=lzma.FORMAT_ALONE), PAIRED, ["xz"]),
    "zlib": (zlib.compress(CSV), PAIRED, []),
    "gzip twice.gz": (gzip.compress(gzip.compress(CSV)), PAIRED, ["gzip"]),
    "lz4": (packed("lz4", "-q", "ratings.csv", "OUT"), PAIRED, ["lz4"]),
    "packed.7z": (packed("7z", "a", "OUT", "ratings.csv"), PAIRED, ["7z"]),
    "tar": (packed("tar", "cf", "OUT", "ratings.csv"), PAIRED, ["tar"]),
    "tar.gz": (packed("tar", "czf", "OUT", "ratings.csv"), PAIRED, ["tar"]),
    "zip": (packed(sys.executable, "-m", "zipfile", "-c", "OUT", "ratings.csv"), PAIRED, ["unzip"]),
    "utf16": (CSV.decode().encode("utf-16"), PAIRED, ["iconv"]),
    "utf16 from the other end": (b"\xfe\xff" + CSV.decode().encode("utf-16-be"), PAIRED, ["iconv"]),
    "utf16 without a mark": (CSV.decode().encode("utf-16-le"), PAIRED, ["iconv"]),
    "utf16 without a mark, from the other end": (CSV.decode().encode("utf-16-be"), PAIRED, ["iconv"]),
    "utf32": (CSV.decode().encode("utf-32"), PAIRED, ["iconv"]),
    "carriage returns": (CSV.replace(b"\n", b"\r"), PAIRED, []),
    "json lines": (RATINGS.to_json(orient="records", lines=True).encode(), PAIRED, ["jq"]),
    "json lines.gz": (gzip.compress(RATINGS.to_json(orient="records", lines=True).encode()), PAIRED, ["jq"]),
    "json records": (dump(RECORDS), PAIRED, ["jq"]),
    "json on many lines": (dump(RECORDS, indent=2), PAIRED, ["jq"]),
    "json of an answer": (dump({"count": 3, "next": {"page": [1]}, "ratings": RECORDS}), PAIRED, ["jq"]),
    "json of pandas": (RATINGS.to_json().encode(), PAIRED, []),
    "json of a matrix of pandas": (TABLE.to_json().encode(), TABLE, []),
    "json of pandas, split": (TABLE.to_json(orient="split").encode(), TABLE, []),
    "json of lists": (dump(RATINGS.to_dict("list")), PAIRED, []),
    "json array": (dump(ARRAY.tolist()), ARRAY, ["jq"]),
    "json rows": ("".join(f"{row}\n" for row in ARRAY.tolist()).encode(), ARRAY, ["jq"]),
    "netflix": (b"1:\nu1,3,2005-09-06\nu2,1,2005-09-06\n2:\nu1,4.5,2005-01-01\n", PAIRED.set_axis([1, 2], axis=1), []),
    "yahoo": (b"1|2\n10\t3\n20\t4.5\n2|1\n10\t1\n", PAIRED.set_axis([1, 2]).set_axis([10, 20], axis=1), []),
    "amazon": (b"".join(b"product/productId: %s\nproduct/title: x: y\nreview/userId: %s\nreview/score: %s\n\n" % entry
                        for entry in ((b"a", b"u1", b"3.0"), (b"b", b"u1", b"4.5"), (b"a", b"u2", b"1.0"))), PAIRED, []),
    "gct": (b"#1.2\n2\t3\nName\tDescription\ts1\ts2\ts3\ng1\tx y\t1\t0\t2.5\ng2\tz\t0\t3\t4\n", TABLE, []),
    "gct 1.3": (b"#1.3\n2\t3\t2\t1\nid\tn1\tn2\ts1\ts2\ts3\ngroup\tna\tna\tA\tB\tC\ng1\tx y\tq\t1\t0\t2.5\n"
                b"g2\tz\tq\t0\t3\t4\n", TABLE, []),
    "biom text": (b"# Constructed from biom file\n#OTU ID\ts1\ts2\ts3\ng1\t1\t0\t2.5\ng2\t0\t3\t4\n", TABLE, []),
    "geo": (b'!Series_title\t"x"\n\n!series_matrix_table_begin\n"ID_REF"\t"s1"\t"s2"\t"s3"\n"g1"\t1\t0\t2.5\n'
            b'"g2"\t0\t3\t4\n!series_matrix_table_end\n', TABLE, []),
    "featurecounts": (b'# Program:featureCounts v2.0.1; Command:"featureCounts"\n' + HEADER.encode() +
                      b"g1\tc\t1\t9\t+\t9\t1\t0\t2.5\ng2\tc\t1\t9\t+\t9\t0\t3\t4\n", TABLE, []),
    "vowpal wabbit, ratings": (b"3 |user u1 |item a\n4.5 |user u1 |item b\n1 |user u2 |item a\n", PAIRED, []),
    "vowpal wabbit": (b"1 1.0 zebra|f s1 |g:2 s2:1.25\n-1 1.0 'tag|f s3:4 |g s2:3\n",
                      pandas.DataFrame([[1, 0, 2.5], [0, 4, 3]], index=[1, 2], columns=["f^s1", "f^s3", "g^s2"]), []),
    "vowpal wabbit without names": (b"1 | 5:2.5 7\n0 | 7:3\n", pandas.DataFrame([[2.5, 1], [0, 3]], [1, 2], [5, 7]), []),
    "intervals": (b"chr1\t100\t200\t1\t0\t2.5\nchr2\t300\t400\t0\t3\t4\n",
                  pandas.DataFrame(ARRAY, ["chr1:100-200", "chr2:300-400"]), []),
    "intervals with names": (b"#chrom\tstart\tend\ts1\ts2\ts3\nchr1\t1\t2\t1\t0\t2.5\nchr2\t3\t4\t0\t3\t4\n",
                             TABLE.set_axis(["chr1:1-2", "chr2:3-4"]), []),
    "bedgraph": (b"chr1\t100\t200\t1.5\nchr1\t300\t400\t2.5\n", np.array([[1.5], [2.5]]), []),
    "places in brackets": (b"  (0, 0)\t1.0\n  (0, 2)\t2.5\n  (1, 1)\t3.0\n  (1, 2)\t4.0\n", ARRAY, []),
    "names and values": (b"user=u1,item=a,rating=3\nuser=u1,item=b,rating=4.5\nuser=u2,item=a,rating=1\n", PAIRED, []),
    "assignments": (b"g1 = 2.5\ng2 = 4\n", np.array([[2.5], [4]]), []),
    "yaml": (b"- user: u1\n  item: a\n  rating: 3\n- user: u1\n  item: b\n  rating: 4.5\n"
             b"- user: u2\n  item: a\n  rating: 1\n", PAIRED, ["yaml"]),
    "yaml of a matrix": (b"---\ng1: {s1: 1, s2: 0, s3: 2.5}\ng2: {s1: 0, s2: 3, s3: 4}\n", TABLE, ["yaml"]),
    "sections": (b"[g1]\ns1 = 1\ns2 = 0\ns3 = 2.5\n[g2]\ns1 = 0\ns2 = 3\ns3 = 4\n", TABLE, []),
    "latex": (b"\\begin{tabular}{rrr}\n & s1 & s2 & s3 \\\\\ng1 & 1 & 0 & 2.5 \\\\\ng2 & 0 & 3 & 4 \\\\\n\\end{tabular}\n",
              TABLE, []),
    "lines of latex": (b"1 & 0 & 2.5 \\\\\n0 & 3 & 4 \\\\\n", ARRAY, []),
    "markdown": (b"| user | item | rating |\n|------|------|--------|\n| u1 | a | 3 |\n| u1 | b | 4.5 |\n| u2 | a | 1 |\n",
                 PAIRED, []),
    "psql": (b" user | item | rating \n------+------+--------\n u1   | a    |      3\n u1   | b    |    4.5\n"
             b" u2   | a    |      1\n(3 rows)\n\n", PAIRED, []),
    "mysql": (b"+------+------+--------+\n| user | item | rating |\n+------+------+--------+\n| u1   | a    |      3 |\n"
              b"| u1   | b    |    4.5 |\n| u2   | a    |      1 |\n+------+------+--------+\n", PAIRED, []),
    "sql": (b"-- MySQL dump 10.13\nCREATE TABLE ratings (user varchar(9), item varchar(9), rating double);\n"
            b"INSERT INTO ratings VALUES ('u1','a',3),('u1','b',4.5),\n('u2','a',1);\nUNLOCK TABLES;\n", PAIRED, []),
    "sql of postgresql": (b"--\n-- PostgreSQL database dump\n--\n\nCOPY public.ratings (u, i, r) FROM stdin;\nu1\ta\t3\n"
                          b"u1\tb\t4.5\nu2\ta\t1\n\\.\n\n--\n", PAIRED, []),
    "printed by numpy": (str(ARRAY).encode() + b"\n", ARRAY, []),
    "printed by julia": (b"[1 0 2.5; 0 3 4]\n", ARRAY, []),
    "printed by R": (b"     [,1] [,2] [,3]\n[1,]    1    0  2.5\n[2,]    0    3  4.0\n", ARRAY, []),
    "octave": (b"# Created by Octave 7.3.0\n# name: A\n# type: matrix\n# rows: 2\n# columns: 3\n 1 0 2.5\n 0 3 4\n\n\n",
               ARRAY, []),
    "sparse octave": (b"# name: A\n# type: sparse matrix\n# nnz: 4\n# rows: 2\n# columns: 3\n1 1 1\n2 2 3\n1 3 2.5\n2 3 4\n\n",
                      ARRAY, []),
    "sparse arff": (b"@relation x\n@attribute a numeric\n@attribute b numeric\n@attribute c numeric\n@data\n"
                    b"{0 1, 2 2.5}\n{1 3,2 4}\n", ARRAY, []),
    "fasta": (b">s1 human\nACGTA\nCG\n>s2\nACGT\n", pandas.DataFrame([[1, 1, 1, 1], [1, 0, 0, 0]], ["s1", "s2"],
                                                                     ["ACGT", "CGTA", "GTAC", "TACG"]), []),
    "vcf": (b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1\ts2\n"
            b"1\t10\tx\tA\tG\t5\tPASS\t.\tGT:DP\t0/1:10\t1|1:12\n1\t20\ty\tA\tG\t5\tPASS\t.\tGT:DP\t0/0:11\t0/1:9\n",
            pandas.DataFrame([[1, 0], [2, 1]], ["s1", "s2"], ["1:10", "1:20"]), []),
    "soft": (b"^DATABASE = GeoMiame\n^SAMPLE = s1\n#ID_REF = \n!sample_table_begin\nID_REF\tVALUE\ng1\t1\ng2\t0\n"
             b"!sample_table_end\n^SAMPLE = s2\n!sample_table_begin\nID_REF\tVALUE\ng1\t2.5\ng2\t4\n!sample_table_end\n",
             pandas.DataFrame([[1, 2.5], [0, 4]], ["g1", "g2"], ["s1", "s2"]), []),
    "star": (b"N_unmapped\t1\t1\t1\nN_ambiguous\t2\t1\t1\ng1\t5\t2\t3\ng2\t7\t3\t4\n", np.array([[5], [7]]), []),
    "plink": (b"FID IID PAT MAT SEX PHENOTYPE s1 s2\nf1 g1 0 0 1 2 0 1\nf2 g2 0 0 1 2 2 1\n",
              pandas.DataFrame([[0, 1], [2, 1]], ["g1", "g2"], ["s1", "s2"]), []),
    "esri": (b"ncols 3\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 0 2.5\n0 3 4\n", ARRAY, []),
    "pajek": (b"*Vertices 3\n1 \"a\"\n2 \"b\"\n3 \"c\"\n*Edges\n1 2 1\n2 3 4\n",
              pandas.DataFrame([[1, 0], [0, 4]], [1, 2], [2, 3]), []),
    "word2vec": (b"2 3\ng1 1 0 2.5\ng2 0 3 4\n", pandas.DataFrame(ARRAY, TABLE.index), []),
    "cluto": (b"2 3\n1 0 2.5\n0 3 4\n", ARRAY, []),
    "sep of excel": (b"sep=,\n" + CSV, PAIRED, []),
    "web page": (lambda path: RATINGS.to_html(path, index=False), PAIRED, ["lxml"]),
    "table of a web page": (lambda path: path.write_text("<!DOCTYPE html>\n<html><body><p>x</p>\n" + TABLE.to_html() +
                                                         "</body></html>"), TABLE, ["lxml"]),
    "dput": (b'structure(list(user = c("u1", "u1", "u2"), item = c("a", "b", "a"), rating = c(3, 4.5, 1)), '
             b'class = "data.frame", row.names = c(NA, -3L))\n', PAIRED, ["Rscript"]),
    "rds of a frame": (r_object('x <- data.frame(user=c("u1", "u1", "u2"), item=c("a", "b", "a"), rating=c(3, 4.5, 1)); '
                                'saveRDS(x, "OUT")'), PAIRED, ["Rscript"]),
    "pgm": (b"P2\n3 2\n255\n1 0 2\n0 3 4\n", np.floor(ARRAY), ["PIL"]),
    "arff": (b"% about it\n@relation x\n@attribute a numeric\n@attribute b numeric\n@attribute c numeric\n@data\n"
             b"1,0,2.5\n0,3,4\n", ARRAY, []),
}


def is_installed(need):
    try:
        return shutil.which(need) or importlib.import_module(need)
    except ImportError:
        return None


def convert(name, folder):
    """Does what the message says: the file or the pipe that is read becomes out.h5."""
    message, = run(["info", name], expect=1, cwd=folder).messages
    assert "; convert it: " in message, message
    before = set(os.listdir(folder))
    command = message.split("; convert it: ")[1].replace("dnmf ...", f"{PROGRAM} import -o out.h5")
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(command, shell=True, cwd=folder, env=environment() | {"PATH": path}, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    made = [made for made in set(os.listdir(folder)) - before if made.endswith((".csv", ".tsv", ".npy", ".mtx", ".h5ad", ".nc4"))]
    if "out.h5" not in os.listdir(folder):
        assert len(made) == 1, made
        run(["import", made[0], "-o", "out.h5"], cwd=folder)


@pytest.mark.parametrize("case", CASES)
def test_the_command_of_the_message_makes_it_readable(tmp_path, case):
    write, expected, needs = CASES[case]
    for need in needs:
        if not is_installed(need):
            pytest.skip(f"{need} is not installed")
    if isinstance(write, bytes):
        (tmp_path / case).write_bytes(write)
    else:
        write(tmp_path / case)
    convert(case, tmp_path)
    values, _, row_ids, col_ids = read_matrix(tmp_path / "out.h5")
    np.testing.assert_array_equal(values, np.asarray(expected))
    if isinstance(expected, pandas.DataFrame):
        numbered = isinstance(expected.columns, pandas.RangeIndex)
        assert (row_ids, col_ids) == (list(expected.index), None if numbered else list(expected.columns))


COLUMNS = {"rating triples": ["1 | 2 | 3\n2 | 3 | 4\n", "1|Toy Story|5\n2|Heat|4\n", "1 |2 |3\n", "=,a,1\nb,=,2\n",
                              "chrome 100 200\nchr 1 2\n", "chr1 200 100\n",
                              "chris 2 4\nchrista 1 3\n", "a: 1 3\nb 2 4\n", "user1=x 5 3\nuser2=x 5 4\n"],
           "interactions": ["u1|a\nu2|b\nu1|b\n", "a=b,c\na,c\nd,c\n", "1|Toy Story\n1|Heat\n2|Heat\n"]}


@pytest.mark.parametrize("form", COLUMNS)
def test_columns_are_not_taken_for_another_form(tmp_path, form):
    for text in COLUMNS[form]:
        (tmp_path / "a.txt").write_text(text)
        assert form in run(["info", "a.txt"], cwd=tmp_path).stdout, text


def test_a_form_told_by_its_lines_is_read_as_columns_when_asked(tmp_path):
    (tmp_path / "chr.txt").write_text("chr1 100 200\nchr1 300 400\n")
    assert "BED" in run(["info", "chr.txt"], expect=1, cwd=tmp_path).messages[0]
    for option in ("--format", "triples"), ("--value-column", "3"):
        assert "1 rows x 2 columns" in run(["info", "chr.txt", *option], cwd=tmp_path).stdout


def test_a_name_that_a_shell_would_read_stays_out_of_the_command(tmp_path):
    (tmp_path / "it's.json").write_bytes(dump(RECORDS))
    assert "'FILE' > 'FILE.csv'" in run(["info", "it's.json"], expect=1, cwd=tmp_path).messages[0]
