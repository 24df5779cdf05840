package dev.langchain4j.model.mlx.vision;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/** Tells addresses of the public internet from those of machines and networks of one's own. */
final class PublicAddress {
    /** Of IPv4: first address, and how many bits of it count. Registry of IANA, special-purpose addresses. */
    private static final int[][] SPECIAL = {
        {0, 0, 0, 0, 8},
        {10, 0, 0, 0, 8},
        {100, 64, 0, 0, 10},
        {127, 0, 0, 0, 8},
        {169, 254, 0, 0, 16},
        {172, 16, 0, 0, 12},
        {192, 0, 0, 0, 24},
        {192, 0, 2, 0, 24},
        {192, 88, 99, 0, 24},
        {192, 168, 0, 0, 16},
        {198, 18, 0, 0, 15},
        {198, 51, 100, 0, 24},
        {203, 0, 113, 0, 24},
        {224, 0, 0, 0, 3}
    };

    private static final int NAT64 = 0x0064_ff9b;

    private PublicAddress() {}

    static boolean is(InetAddress address) {
        byte[] bytes = address.getAddress();
        return address instanceof Inet6Address ? isPublic6(bytes) : isPublic4(bytes);
    }

    private static boolean isPublic4(byte[] bytes) {
        for (int[] range : SPECIAL) {
            int shift = 32 - range[4];
            if (number(bytes, 0) >>> shift
                    == ((range[0] << 24 | range[1] << 16 | range[2] << 8 | range[3]) >>> shift)) {
                return false;
            }
        }
        return true;
    }

    /** Global unicast, but for documentation and what carries an IPv4 address; of that, the gateways of NAT64. */
    private static boolean isPublic6(byte[] bytes) {
        int start = number(bytes, 0);
        if (start == NAT64 && number(bytes, 4) == 0 && number(bytes, 8) == 0) {
            return isPublic4(Arrays.copyOfRange(bytes, 12, 16));
        }
        boolean unicast = start >>> 29 == 1;
        boolean special = start >>> 9 == 0x2001_0000 >>> 9 || start == 0x2001_0db8 || start >>> 16 == 0x2002;
        return unicast && !special && start >>> 12 != 0x3fff0;
    }

    private static int number(byte[] bytes, int place) {
        return (bytes[place] & 0xff) << 24
                | (bytes[place + 1] & 0xff) << 16
                | (bytes[place + 2] & 0xff) << 8
                | (bytes[place + 3] & 0xff);
    }

    /** The addresses of the host; all of them must be public, unless private ones are allowed. */
    static InetAddress[] of(String host, boolean privateAllowed) throws UnknownHostException {
        InetAddress[] all;
        try {
            all = InetAddress.getAllByName(host);
        } catch (UnknownHostException e) {
            throw (UnknownHostException) new UnknownHostException("its host " + host + " is unknown").initCause(e);
        }
        for (InetAddress address : all) {
            if (!privateAllowed && !is(address)) {
                throw new UnknownHostException(
                        "its host " + host + " must have a public address, not " + address.getHostAddress());
            }
        }
        return all;
    }
}
