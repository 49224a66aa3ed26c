"""Proofs for the rows of a table, in Spark.

    spark-submit --py-files answers.py with_spark.py TREE MESSAGES REQUESTS.parquet PROOFS
"""

import functools
import sys

from pyspark.sql import SparkSession

import answers


def main(tree, messages, requests, output):
    spark = SparkSession.builder.appName("slproof").getOrCreate()
    work = functools.partial(answers.for_spark, tree=tree, messages=messages)
    table = spark.read.parquet(requests)
    table.mapInArrow(work, answers.SPARK_SCHEMA).write.mode("overwrite").parquet(output)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
