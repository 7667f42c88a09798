"""Read, fill and rejudge a store on a Spark cluster, with the same rows and the same SQL as on one machine.

The package is optional (extra `cluster`). `spark_engine.py` is its only entrance, and `spark_session.py` alone imports
pyspark. It imports pyspark inside its functions, since no other command may wait for it.
"""
