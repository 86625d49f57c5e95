/* What the targets have in common: a result that must hold whatever the input is, and one XML reader for all inputs,
 * since a real one is used again after every fault. */
#ifndef FUZZ_H
#define FUZZ_H

#include "report/xml.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static inline void require(bool true_for_all_inputs)
{
    if (!true_for_all_inputs)
        abort();
}

static inline struct xml_reader *fuzz_reader(void)
{
    static struct xml_reader *reader;
    struct error err;
    if (reader == NULL) {
        xml_init();
        require(xml_open(&reader, &err));
    }
    return reader;
}

#endif
