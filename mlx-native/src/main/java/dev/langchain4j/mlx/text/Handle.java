package dev.langchain4j.mlx.text;

import dev.langchain4j.mlx.ffi.Handles;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;

/** The address of a native object, freed once and never used after that, whatever threads do. */
final class Handle {
    private final String name;
    private final LongConsumer free;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private long address;

    /**
     * Takes ownership of the address.
     *
     * @param name of the object, for messages
     */
    Handle(String name, long address, LongConsumer free) {
        this.name = name;
        this.address = address;
        this.free = free;
        Handles.opened();
    }

    /** Calls with the address while other threads may do so too. */
    <T> T shared(LongFunction<T> call) {
        return locked(lock.readLock(), call);
    }

    /** Calls with the address while no other thread does. */
    <T> T alone(LongFunction<T> call) {
        return locked(lock.writeLock(), call);
    }

    /** Like {@link #alone}, without a result. */
    void run(LongConsumer call) {
        alone(a -> {
            call.accept(a);
            return null;
        });
    }

    private <T> T locked(Lock held, LongFunction<T> call) {
        held.lock();
        try {
            if (address == 0) {
                throw new IllegalStateException(name + " is closed");
            }
            return call.apply(address);
        } finally {
            held.unlock();
        }
    }

    /** Frees the object, after the calls that are under way; a second time does nothing. */
    void close() {
        lock.writeLock().lock();
        try {
            if (address != 0) {
                free.accept(address);
                address = 0;
                Handles.closed();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
