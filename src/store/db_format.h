/*
 * Parts of SQLite's file format (sqlite.org/fileformat2.html#the_database_header) that the store reads or
 * writes itself.
 */
#ifndef COID_STORE_DB_FORMAT_H
#define COID_STORE_DB_FORMAT_H

#define DB_FORMAT_PAGE 4096 /* octets of a page of our databases */
#define DB_FORMAT_HEADER 100 /* octets of the header of a database file; the next are offsets in it */
#define DB_FORMAT_PAGE_SIZE 16 /* two octets, the high one first */
#define DB_FORMAT_WRITE_VERSION 18
#define DB_FORMAT_READ_VERSION 19
/* Values of both versions. */
#define DB_FORMAT_ROLLBACK 1
#define DB_FORMAT_WAL 2

#endif
