package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.SystemC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The connections of this process to others, found by their ports, to see whether the other end has closed one. Looking
 * takes nothing away from whoever reads them. Any thread may look.
 */
public final class PeerSockets {
    private static final int DESCRIPTORS_MAX = 4096;
    private static final int ADDRESS_BYTES = 128;
    private static final int IPV4_BYTES = 16;
    private static final int IPV6_BYTES = 28;
    private static final int POLLIN = 1;
    private static final int POLLERR = 8;
    private static final int POLLHUP = 16;
    private static final int MSG_PEEK = 2;
    private static final int SHUT_RDWR = 2;

    /** Descriptors that were shut down: their owner never closes them. */
    private static final Set<Integer> SHUT = ConcurrentHashMap.newKeySet();

    /** Whose connection each descriptor is. */
    private final Map<Integer, Integer> peers = new LinkedHashMap<>();

    private PeerSockets() {}

    /**
     * The connections that are there now.
     *
     * @param own ports that this process accepted connections at
     * @param accepted who connected there
     * @param others ports that this process connected to
     * @param connected who listens there
     */
    public static PeerSockets find(Collection<Integer> own, int accepted, Collection<Integer> others, int connected) {
        PeerSockets found = new PeerSockets();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(ADDRESS_BYTES, 8);
            MemorySegment length = arena.allocate(8, 8);
            for (int descriptor = 0; descriptor < DESCRIPTORS_MAX; descriptor++) {
                int far = port(descriptor, true, address, length);
                if (far < 0 || SHUT.contains(descriptor)) {
                    continue;
                }
                if (others.contains(far)) {
                    found.peers.put(descriptor, connected);
                } else if (own.contains(port(descriptor, false, address, length))) {
                    found.peers.put(descriptor, accepted);
                }
            }
        }
        return found;
    }

    private static int port(int descriptor, boolean far, MemorySegment address, MemorySegment length) {
        length.set(ValueLayout.JAVA_INT, 0, ADDRESS_BYTES);
        int status = far
                ? SystemC.getpeername(descriptor, address.address(), length.address())
                : SystemC.getsockname(descriptor, address.address(), length.address());
        int bytes = length.get(ValueLayout.JAVA_INT, 0);
        // of IPv4 and IPv6 addresses alike, the port is the second pair of bytes, the upper one first; others have none
        return status != 0 || (bytes != IPV4_BYTES && bytes != IPV6_BYTES)
                ? -1
                : Byte.toUnsignedInt(address.get(ValueLayout.JAVA_BYTE, 2)) << 8
                        | Byte.toUnsignedInt(address.get(ValueLayout.JAVA_BYTE, 3));
    }

    /**
     * Ends the connections, so that whoever waits for something at either end hears of it. They stay open for their
     * owner.
     */
    public void shutdown() {
        SHUT.addAll(peers.keySet());
        peers.keySet().forEach(descriptor -> SystemC.shutdown(descriptor, SHUT_RDWR));
    }

    /** Somebody whose end of a connection is closed; -1 if nobody's is. */
    public int closedPeer() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment entry = arena.allocate(8, 8);
            for (Map.Entry<Integer, Integer> peer : peers.entrySet()) {
                entry.set(ValueLayout.JAVA_INT, 0, peer.getKey());
                entry.set(ValueLayout.JAVA_SHORT, 4, (short) POLLIN);
                entry.set(ValueLayout.JAVA_SHORT, 6, (short) 0);
                int ready = SystemC.poll(entry.address(), 1, 0);
                int events = ready <= 0 ? 0 : entry.get(ValueLayout.JAVA_SHORT, 6);
                boolean ended =
                        (events & POLLIN) != 0 && SystemC.recv(peer.getKey(), entry.address(), 1, MSG_PEEK) == 0;
                if (ended || (events & (POLLERR | POLLHUP)) != 0) {
                    return peer.getValue();
                }
            }
            return -1;
        }
    }
}
