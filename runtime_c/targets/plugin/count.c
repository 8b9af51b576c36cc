/* A QEMU plugin that counts executed guest instructions between marks, and the bytes they move.
 *
 *     qemu-system-arm -plugin libcount.so,code=ADDRESS,bytes=N,marks=ADDRESS,entries=N,out=FILE …
 *
 * The program marks by calling a function that stores into byte `entry` of an array: the function
 * is `bytes` long from `code` on, the array has `entries` bytes from `marks` on. The instructions
 * executed since the mark before, without those of the function itself, are added to the entry. A
 * mark of the last entry is the end: the sums are written to FILE, one a line. With memory=1 each
 * line goes on with the bytes that those instructions loaded and stored, their own code left out.
 *
 * With classes=FILE,outside=ENTRY a histogram of the instructions is written to that file: those up to
 * marks of other entries than ENTRY and the last, by mnemonic ("ldr 1234"; with a list of registers,
 * by their number too: "push/4"), and how many of them were followed by another than the next one in
 * memory ("taken").
 *
 * Instructions, not cycles: QEMU models no pipeline. */
#include "qemu_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ENTRIES 4096
#define MOST_CLASSES 1024

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

typedef struct {
    uint64_t executed, loaded, stored;
} counters;

static uint64_t code, bytes, marks, entries, memory, outside;
static const char *out, *histogram;
static counters now;    /* executed is incremented by generated code, one for each instruction */
static counters before; /* at the last mark */
static counters sums[MOST_ENTRIES];

/* Instructions of one mnemonic: executed so far, at the last mark, and up to marks that count. The
 * first is of branches that were taken. */
static struct {
    char name[32];
    uint64_t executed, before, inside;
} classes[MOST_CLASSES] = {{"taken", 0, 0, 0}};
static size_t found = 1;
static uint64_t next; /* address behind the last instruction */

typedef struct {
    uint64_t start, end;
} block;

/* Counts a branch where a block does not begin behind the one before. */
static void begun(unsigned int vcpu, void *userdata) {
    const block *const b = userdata;
    (void)vcpu;
    classes[0].executed += b->start != next;
    next = b->end;
}

/* The text behind the instruction's own digits, which QEMU writes first for RISC-V. */
static const char *behind_digits(const char *text) {
    const size_t digits = strspn(text, "0123456789abcdef");
    const size_t blanks = strspn(text + digits, " \t");
    return (digits == 4 || digits == 8) && blanks && text[digits + blanks] ? text + digits + blanks
                                                                           : text;
}

/* The class of a disassembled instruction: its mnemonic, and the length of its register list. */
static void name_class(const char *text, char *name, size_t size) {
    text = behind_digits(text);
    const size_t length = strcspn(text, " \t");
    const char *const list = strchr(text, '{');
    int registers = list ? 1 : 0;
    for (const char *c = list; c && *c != '}' && *c; c++) {
        registers += *c == ',';
    }
    if (registers) {
        snprintf(name, size, "%.*s/%d", (int)length, text, registers);
    } else {
        snprintf(name, size, "%.*s", (int)length, text);
    }
}

static size_t class_of(const struct qemu_plugin_insn *insn) {
    char name[sizeof classes->name];
    char *const text = qemu_plugin_insn_disas(insn);
    name_class(text && *text ? text : "unknown", name, sizeof name);
    free(text);
    for (size_t i = 0; i < found; i++) {
        if (!strcmp(classes[i].name, name)) {
            return i;
        }
    }
    if (found == MOST_CLASSES) {
        fprintf(stderr, "count: more than %d mnemonics\n", MOST_CLASSES);
        exit(1);
    }
    strcpy(classes[found].name, name);
    return found++;
}

static void mark_classes(uint64_t entry) {
    const int counts = entry != outside && entry != entries - 1;
    for (size_t i = 0; i < found; i++) {
        classes[i].inside += counts ? classes[i].executed - classes[i].before : 0;
        classes[i].before = classes[i].executed;
    }
}

static FILE *opened(const char *path) {
    FILE *const file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(1);
    }
    return file;
}

static void write_classes(void) {
    FILE *const file = opened(histogram);
    for (size_t i = 0; i < found; i++) {
        fprintf(file, "%s %llu\n", classes[i].name, (unsigned long long)classes[i].inside);
    }
    fclose(file);
}

static void write_sums(void) {
    FILE *const file = opened(out);
    for (uint64_t i = 0; i < entries; i++) {
        fprintf(file, "%llu", (unsigned long long)sums[i].executed);
        if (memory) {
            fprintf(file, " %llu %llu", (unsigned long long)sums[i].loaded,
                    (unsigned long long)sums[i].stored);
        }
        fputc('\n', file);
    }
    fclose(file);
}

static void mark(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *userdata) {
    (void)vcpu, (void)info, (void)userdata;
    const uint64_t entry = address - marks;
    if (entry >= entries) {
        return; /* the function may save registers too */
    }
    sums[entry].executed += now.executed - before.executed;
    sums[entry].loaded += now.loaded - before.loaded;
    sums[entry].stored += now.stored - before.stored;
    before = now;
    mark_classes(entry);
    if (entry == entries - 1) {
        write_sums();
        if (histogram) {
            write_classes();
        }
    }
}

static void moved(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *userdata) {
    (void)vcpu, (void)address, (void)userdata;
    uint64_t *const sum = qemu_plugin_mem_is_store(info) ? &now.stored : &now.loaded;
    *sum += UINT64_C(1) << qemu_plugin_mem_size_shift(info);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    const size_t n = qemu_plugin_tb_n_insns(tb);
    (void)id;
    if (histogram) {
        const struct qemu_plugin_insn *const last = qemu_plugin_tb_get_insn(tb, n - 1);
        block *const b = malloc(sizeof *b); /* as long as the program runs */
        b->start = qemu_plugin_tb_vaddr(tb);
        b->end = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
        qemu_plugin_register_vcpu_tb_exec_cb(tb, begun, QEMU_PLUGIN_CB_NO_REGS, b);
    }
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *const insn = qemu_plugin_tb_get_insn(tb, i);
        if (qemu_plugin_insn_vaddr(insn) - code < bytes) {
            qemu_plugin_register_vcpu_mem_cb(insn, mark, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_W,
                                             NULL);
        } else {
            qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
                                                       &now.executed, 1);
            if (histogram) {
                qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
                                                           &classes[class_of(insn)].executed, 1);
            }
            if (memory) {
                qemu_plugin_register_vcpu_mem_cb(insn, moved, QEMU_PLUGIN_CB_NO_REGS,
                                                 QEMU_PLUGIN_MEM_RW, NULL);
            }
        }
    }
}

/* The value of `name=value`, or NULL if the argument has another name. */
static const char *value_of(const char *argument, const char *name) {
    const size_t length = strlen(name);
    const int same = !strncmp(argument, name, length) && argument[length] == '=';
    return same ? argument + length + 1 : NULL;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    static const char *const names[] = {"code", "bytes", "marks", "entries", "memory", "outside"};
    uint64_t *const numbers[] = {&code, &bytes, &marks, &entries, &memory, &outside};
    (void)info;
    for (int i = 0; i < argc; i++) {
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            const char *const value = value_of(argv[i], names[n]);
            if (value) {
                *numbers[n] = strtoull(value, NULL, 0);
            }
        }
        if (value_of(argv[i], "out")) {
            out = value_of(argv[i], "out");
        }
        if (value_of(argv[i], "classes")) {
            histogram = value_of(argv[i], "classes");
        }
    }
    if (!bytes || !out || entries < 1 || entries > MOST_ENTRIES) {
        fprintf(stderr, "count: needs code=, bytes=, marks=, entries= (at most %d) and out=\n",
                MOST_ENTRIES);
        return 1;
    }
    out = strdup(out); /* the arguments do not outlive this call */
    histogram = histogram ? strdup(histogram) : NULL;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
