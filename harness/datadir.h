/* Where the program's data files are: in the source tree it was built in, or where it is installed.
 */
#ifndef SN_HARNESS_DATADIR_H
#define SN_HARNESS_DATADIR_H

struct sn_datadir { /* folders; each may be missing but `suites` */
    char *suites;   /* *.yaml */
    char *plots;    /* *.gp */
    char *results;  /* published/ and baseline/ */
    char *profiles; /* of fabrics, *.yaml */
    char *devices;  /* profiles of devices, *.yaml */
    char *models;   /* *.yaml */
    char *traces;   /* of requests, *.jsonl */
};

/* From the place of the running program (/proc/self/exe): PREFIX/bin/snbench has PREFIX/share/
 * snbench/{suites,plots,results,profiles,devices,models,traces}; a program below ROOT/build
 * (build/snbench, build/asan/snbench, build/release/tests/unit) has ROOT/bench/suites, ROOT/plots,
 * ROOT/results and ROOT/comm/fabric/profiles, ROOT/kernels/devices, ROOT/bench/models and
 * ROOT/bench/traces. On SN_OK release *out with sn_datadir_close(). SN_EENV names the places looked
 * at. */
int sn_datadir_open(struct sn_datadir *out);
void sn_datadir_close(struct sn_datadir *d);

/* The same for a program in folder `dir`. */
int sn_datadir_find(struct sn_datadir *out, const char *dir);

#endif
