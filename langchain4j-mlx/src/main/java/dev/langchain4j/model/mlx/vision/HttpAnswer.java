package dev.langchain4j.model.mlx.vision;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * What a server answers to one GET request. The connection goes to the very address that was checked, which no client
 * of the JDK can be told to do: between a check and its own look-up, a name may change its address.
 *
 * @param location where a redirect leads, null for none
 * @param body empty for a redirect
 */
record HttpAnswer(String location, byte[] body) {
    private static final int HEADER_BYTES_MAX = 32 << 10;

    /**
     * Asks the server of an http or https URL.
     *
     * @throws IOException if there is no content
     */
    static HttpAnswer get(URI url, boolean privateAllowed, long bytesMax) throws IOException {
        String scheme = String.valueOf(url.getScheme()).toLowerCase(Locale.ROOT);
        boolean secure = scheme.equals("https");
        if (!secure && !scheme.equals("http")) {
            throw new IOException("its url must begin with http: or https:, not " + scheme);
        }
        if (url.getHost() == null || url.getUserInfo() != null) {
            throw new IOException("its url must have a host, and no user");
        }
        String host = url.getHost().replaceAll("[\\[\\]]", "");
        int port = url.getPort() >= 0 ? url.getPort() : secure ? 443 : 80;
        try (Socket socket = connected(PublicAddress.of(host, privateAllowed), port);
                Socket used = secure ? secured(socket, host, port) : socket) {
            used.getOutputStream().write(request(url).getBytes(StandardCharsets.US_ASCII));
            used.getOutputStream().flush();
            return read(new BufferedInputStream(used.getInputStream()), bytesMax);
        }
    }

    /** A connection to the first address that takes one. */
    private static Socket connected(InetAddress[] addresses, int port) throws IOException {
        IOException failure = null;
        for (InetAddress address : addresses) {
            Socket socket = new Socket();
            try {
                socket.connect(new InetSocketAddress(address, port));
                return socket;
            } catch (IOException e) {
                socket.close();
                failure = e;
            }
        }
        throw failure;
    }

    private static SSLSocket secured(Socket socket, String host, int port) throws IOException {
        SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
        SSLSocket secured = (SSLSocket) factory.createSocket(socket, host, port, true);
        SSLParameters parameters = secured.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        secured.setSSLParameters(parameters);
        secured.startHandshake();
        return secured;
    }

    private static String request(URI url) {
        String path = url.getRawPath() == null || url.getRawPath().isEmpty() ? "/" : url.getRawPath();
        String query = url.getRawQuery() == null ? "" : "?" + url.getRawQuery();
        String ascii = URI.create(path + query).toASCIIString();
        String port = url.getPort() < 0 ? "" : ":" + url.getPort();
        return "GET " + ascii + " HTTP/1.1\r\nHost: " + url.getHost() + port
                + "\r\nUser-Agent: langchain4j-mlx\r\nAccept: image/*\r\nAccept-Encoding: identity\r\n"
                + "Connection: close\r\n\r\n";
    }

    private static HttpAnswer read(InputStream in, long bytesMax) throws IOException {
        int[] left = {HEADER_BYTES_MAX};
        String[] status = line(in, left).split(" ", 3);
        if (status.length < 2 || !status[0].startsWith("HTTP/1.") || !status[1].matches("[2-5]\\d\\d")) {
            throw new IOException("its server does not speak HTTP");
        }
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String line = line(in, left); !line.isEmpty(); line = line(in, left)) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                headers.put(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        }
        if (status[1].matches("30[12378]") && headers.containsKey("Location")) {
            return new HttpAnswer(headers.get("Location"), new byte[0]);
        }
        if (!status[1].equals("200")) {
            throw new IOException("its server answers with status " + status[1]);
        }
        String coding = headers.getOrDefault("Content-Encoding", "identity");
        if (!coding.equalsIgnoreCase("identity")) {
            throw new IOException("its server sends it as " + coding + ", which was not requested");
        }
        return new HttpAnswer(null, body(in, headers, bytesMax));
    }

    private static byte[] body(InputStream in, Map<String, String> headers, long bytesMax) throws IOException {
        if (headers.getOrDefault("Transfer-Encoding", "")
                .toLowerCase(Locale.ROOT)
                .endsWith("chunked")) {
            return chunks(in, bytesMax);
        }
        String length = headers.get("Content-Length");
        if (length == null) {
            byte[] bytes = in.readNBytes((int) bytesMax + 1);
            checkSize(bytes.length, bytesMax);
            return bytes;
        }
        long size = number(length, 10);
        checkSize(size, bytesMax);
        byte[] bytes = in.readNBytes((int) size);
        if (bytes.length < size) {
            throw new IOException("its server sent " + bytes.length + " of " + size + " bytes");
        }
        return bytes;
    }

    private static byte[] chunks(InputStream in, long bytesMax) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            int[] left = {HEADER_BYTES_MAX};
            long size = number(line(in, left).split(";", 2)[0].strip(), 16);
            if (size == 0) {
                return all.toByteArray();
            }
            checkSize(all.size() + size, bytesMax);
            byte[] chunk = in.readNBytes((int) size);
            if (chunk.length < size || !line(in, left).isEmpty()) {
                throw new IOException("its server closed the connection too early");
            }
            all.write(chunk);
        }
    }

    private static void checkSize(long bytes, long bytesMax) throws IOException {
        if (bytes > bytesMax) {
            throw new IOException("it has " + bytes + " bytes or more, but at most " + bytesMax + " are read");
        }
    }

    private static long number(String text, int radix) throws IOException {
        try {
            long number = Long.parseLong(text, radix);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new IOException("its server does not speak HTTP: " + text + " is not a size");
    }

    /** A line of a header, without its end. */
    private static String line(InputStream in, int[] left) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("its server closed the connection too early");
            }
            if (left[0]-- == 0) {
                throw new IOException("its server sends a header of more than " + HEADER_BYTES_MAX + " bytes");
            }
            line.append((char) c);
        }
        return line.toString().strip();
    }
}
