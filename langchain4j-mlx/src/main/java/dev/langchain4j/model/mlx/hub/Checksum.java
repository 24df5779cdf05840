package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * What the hub says that a file's content adds up to: SHA-256 of large files (LFS), and for small ones the id that git
 * gives them, which is SHA-1 over a header with the length and the content.
 */
record Checksum(Kind kind, String hex) {
    enum Kind {
        SHA256,
        GIT_BLOB
    }

    private static final int BUFFER_BYTES = 1 << 20;
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");

    /** Refuses what is no lower-case hexadecimal number of the kind's length: it becomes a file name. */
    Checksum {
        Pattern form = kind == Kind.SHA256 ? SHA256 : SHA1;
        if (!form.matcher(hex).matches()) {
            throw new IllegalArgumentException("checksum (" + hex + ") must match " + form);
        }
    }

    /** Computes the checksum of a file that has this many bytes. */
    String compute(Path file, long size) throws IOException {
        MessageDigest digest = digest();
        if (kind == Kind.GIT_BLOB) {
            digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(buffer) >= 0) {
                digest.update(buffer.flip());
                buffer.clear();
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private MessageDigest digest() {
        try {
            return MessageDigest.getInstance(kind == Kind.SHA256 ? "SHA-256" : "SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256 and SHA-1", e);
        }
    }
}
