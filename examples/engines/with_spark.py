"""Proofs for the rows of a table, in Spark.

    spark-submit --py-files answers.py with_spark.py TREE MESSAGES REQUESTS.parquet PROOFS

PROOFS must not exist. The exit code is 1 if requests failed; their rows have an error_code.
"""

import functools
import sys

from pyspark.sql import SparkSession

import answers


def main(tree, messages, requests, output):
    spark = SparkSession.builder.appName("slproof").getOrCreate()
    work = functools.partial(answers.for_spark, tree=tree, messages=messages)
    table = spark.read.parquet(requests)
    table.mapInArrow(work, answers.SPARK_SCHEMA).write.mode("error").parquet(output)
    failed = spark.read.parquet(output).where("error_code is not null").count()
    spark.stop()
    return answers.outcome(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
