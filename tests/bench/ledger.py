"""A lineage database of many runs, written in format 2 and brought up to date by mlops itself."""
import hashlib
import random
import sqlite3
import struct


def integer(number):
    raise NotImplementedError(number)
