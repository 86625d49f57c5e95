/* The reader of a page of metrics stays inside its bytes, gets to the end, and tells finite numbers only. */
#include "../../src/smx/scrape.h"

#include "fuzz.h"

#include <math.h>

static bool lies_in(struct span part, struct span whole)
{
    return part.len == 0 ||
           (part.at >= whole.at && part.len <= whole.len && (size_t)(part.at - whole.at) <= whole.len - part.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct span page = {(const char *)bytes, size};
    struct span rest = page;
    struct scrape_sample sample;
    double sum = 0;
    while (scrape_next(&rest, &sample)) {
        require(lies_in(sample.name, page) && sample.name.len > 0 && lies_in(sample.label, page));
        require(lies_in(rest, page) && isfinite(sample.value));
        sum += span_equal(sample.name, SPAN("a")) ? sample.value : 0;
    }
    const double again = scrape_sum(page, "a");
    require(rest.len == 0 && (again == sum || (isnan(again) && isnan(sum))));
    return 0;
}
