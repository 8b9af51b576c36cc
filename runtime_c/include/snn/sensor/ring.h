/* A queue of events between an interrupt and the program: one producer, one consumer, no lock, the
 * caller's memory. An event for which there is no room is dropped and counted; those in the queue are
 * never touched.
 *
 *     static snn_event slots[256];               a power of two
 *     static snn_event_ring ring = {slots, 255, 0, 0, 0};
 *
 * The interrupt calls snn_ring_put, the program snn_ring_take. Both sides may also be two cores. */
#ifndef SNN_SENSOR_RING_H
#define SNN_SENSOR_RING_H

#include "snn/types.h"

#if defined(__GNUC__)
#define SNN_RING_LOAD(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define SNN_RING_STORE(p, value) __atomic_store_n((p), (value), __ATOMIC_RELEASE)
#else /* one core: volatile keeps the order of the compiler, which is all there is */
#define SNN_RING_LOAD(p) (*(volatile const uint32_t *)(p))
#define SNN_RING_STORE(p, value) (*(volatile uint32_t *)(p) = (value))
#endif

/* A queue; `dropped` may be read by anybody. */
typedef struct {
    snn_event *slots;
    uint32_t mask;    /* one less than how many slots there are, a power of two */
    uint32_t put;     /* events that were ever put, modulo 2^32: written by the producer */
    uint32_t taken;   /* events that were ever taken: written by the consumer */
    uint32_t dropped; /* events for which there was no room: written by the producer */
} snn_event_ring;

/* The producer: puts events, oldest first; gives how many had room. */
SNN_KERNEL size_t snn_ring_put(snn_event_ring *ring, const snn_event *events, size_t count) {
    const uint32_t put = ring->put;
    const uint32_t room = ring->mask + 1u - (put - SNN_RING_LOAD(&ring->taken));
    const uint32_t fits = count < room ? (uint32_t)count : room;
    for (uint32_t i = 0; i < fits; i++) {
        ring->slots[(put + i) & ring->mask] = events[i];
    }
    SNN_RING_STORE(&ring->put, put + fits);
    SNN_RING_STORE(&ring->dropped, ring->dropped + (uint32_t)(count - fits));
    return fits;
}

/* The consumer: takes up to `room` events, oldest first; gives how many there were. */
SNN_KERNEL size_t snn_ring_take(snn_event_ring *ring, snn_event *events, size_t room) {
    const uint32_t taken = ring->taken;
    const uint32_t there = SNN_RING_LOAD(&ring->put) - taken;
    const uint32_t fits = room < there ? (uint32_t)room : there;
    for (uint32_t i = 0; i < fits; i++) {
        events[i] = ring->slots[(taken + i) & ring->mask];
    }
    SNN_RING_STORE(&ring->taken, taken + fits);
    return fits;
}

#endif
