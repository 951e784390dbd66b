/* Sorting a FIFO's messages by arrival: runs already in order are left alone, short ones are
 * inserted, long ones go through a radix sort (bytes of the time above the earliest, stable, lowest
 * first). Cost O(n) per byte that differs; equal times are put right by a merge sort. */
#include <string.h>

#include "comm/fabric/net_impl.h"

static inline bool before(const struct sn_entry *a, const struct sn_entry *b,
                          const struct sn_msg *msgs, bool by_src)
{
    if (a->at != b->at)
        return a->at < b->at;
    if (by_src && msgs[a->index].src != msgs[b->index].src)
        return msgs[a->index].src < msgs[b->index].src;
    return a->index < b->index;
}

static bool in_order(const struct sn_entry *e, size_t n, const struct sn_msg *msgs, bool by_src)
{
    for (size_t i = 1; i < n; i++)
        if (before(&e[i], &e[i - 1], msgs, by_src))
            return false;
    return true;
}

static void insertion_sort(struct sn_entry *e, size_t n, const struct sn_msg *msgs, bool by_src)
{
    for (size_t i = 1; i < n; i++) {
        struct sn_entry x = e[i];
        size_t j = i;
        for (; j && before(&x, &e[j - 1], msgs, by_src); j--)
            e[j] = e[j - 1];
        e[j] = x;
    }
}

static void merge_sort(struct sn_entry *e, size_t n, struct sn_entry *spare,
                       const struct sn_msg *msgs, bool by_src)
{
    if (n <= 32) {
        insertion_sort(e, n, msgs, by_src);
        return;
    }
    size_t half = n / 2, i = 0, j = half, k = 0;
    merge_sort(e, half, spare, msgs, by_src);
    merge_sort(e + half, n - half, spare, msgs, by_src);
    memcpy(spare, e, half * sizeof *e);
    while (i < half && j < n)
        e[k++] = before(&e[j], &spare[i], msgs, by_src) ? e[j++] : spare[i++];
    memcpy(e + k, spare + i, (half - i) * sizeof *e);
}

static void radix_sort(struct sn_entry *e, size_t n, struct sn_entry *spare)
{
    int64_t low = e[0].at, high = low;
    for (size_t i = 1; i < n; i++) {
        low = low < e[i].at ? low : e[i].at;
        high = high > e[i].at ? high : e[i].at;
    }
    uint64_t range = (uint64_t)high - (uint64_t)low;
    struct sn_entry *from = e, *to = spare;
    for (unsigned shift = 0; shift < 64 && range >> shift; shift += 8) {
        uint32_t start[256] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            start[(uint64_t)(from[i].at - low) >> shift & 255]++;
        for (int b = 0; b < 256; b++) {
            uint32_t count = start[b];
            start[b] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[start[(uint64_t)(from[i].at - low) >> shift & 255]++] = from[i];
        struct sn_entry *swap = from;
        from = to;
        to = swap;
    }
    if (from != e)
        memcpy(e, from, n * sizeof *e);
}

/* Arrivals that lie evenly over their time, as those of many senders do: one pass into as many
 * buckets as there are entries or more, then insertion, which moves each a place or two. False,
 * with nothing done, where a bucket would be long. */
static bool spread_sort(struct sn_entry *e, size_t n, struct sn_entry *spare,
                        const struct sn_msg *msgs, bool by_src)
{
    enum { BUCKETS = 2048, LONG = 24 };
    uint16_t start[BUCKETS + 1];
    int64_t low = e[0].at, high = low;
    if (n > BUCKETS)
        return false;
    for (size_t i = 1; i < n; i++) {
        low = low < e[i].at ? low : e[i].at;
        high = high > e[i].at ? high : e[i].at;
    }
    unsigned shift = 0, buckets;
    while ((uint64_t)(high - low) >> shift >= BUCKETS || (uint64_t)(high - low) >> shift >= 4 * n)
        shift++;
    buckets = (unsigned)((uint64_t)(high - low) >> shift) + 1;
    memset(start, 0, (buckets + 1) * sizeof *start);
    for (size_t i = 0; i < n; i++)
        start[((uint64_t)(e[i].at - low) >> shift) + 1]++;
    for (unsigned b = 1; b <= buckets; b++) {
        if (start[b] > LONG)
            return false;
        start[b] = (uint16_t)(start[b] + start[b - 1]);
    }
    for (size_t i = 0; i < n; i++)
        spare[start[(uint64_t)(e[i].at - low) >> shift]++] = e[i];
    memcpy(e, spare, n * sizeof *e);
    insertion_sort(e, n, msgs, by_src);
    return true;
}

void sn_entry_sort(struct sn_entry *e, size_t n, struct sn_entry *spare, const struct sn_msg *msgs,
                   bool by_src)
{
    if (n < 2 || in_order(e, n, msgs, by_src))
        return;
    if (n <= 32) {
        insertion_sort(e, n, msgs, by_src);
        return;
    }
    if (spread_sort(e, n, spare, msgs, by_src))
        return;
    radix_sort(e, n, spare);
    for (size_t i = 0; i < n;) { /* ties */
        size_t end = i + 1;
        while (end < n && e[end].at == e[i].at)
            end++;
        if (end - i > 1 && !in_order(e + i, end - i, msgs, by_src))
            merge_sort(e + i, end - i, spare, msgs, by_src);
        i = end;
    }
}
