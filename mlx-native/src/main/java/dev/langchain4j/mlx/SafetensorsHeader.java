package dev.langchain4j.mlx;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of a safetensors file, checked against the file before MLX sees it: eight bytes of length, then a JSON
 * object from names to {@code {dtype, shape, data_offsets}}, then the data. Source: the safetensors format description.
 */
final class SafetensorsHeader {
    private static final long HEADER_BYTES_MAX = 100_000_000;
    private static final int DIMENSIONS_MAX = 16;
    private static final JsonFactory JSON = new JsonFactory();

    /** What a file says of one tensor; the offsets count from the end of the header. */
    record Tensor(String dtype, long[] shape, long start, long end) {}

    private final Path file;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    private SafetensorsHeader(Path file) {
        this.file = file;
    }

    static Map<String, Tensor> read(Path file) throws IOException {
        SafetensorsHeader header = new SafetensorsHeader(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            header.read(channel);
        }
        return header.tensors;
    }

    private void read(FileChannel channel) throws IOException {
        long size = channel.size();
        ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        if (size < 8) {
            throw malformed("has " + size + " bytes, too few for a header");
        }
        fill(channel, length, 0);
        long headerBytes = length.getLong(0);
        if (headerBytes < 2 || headerBytes > HEADER_BYTES_MAX || headerBytes > size - 8) {
            throw malformed("says that its header has " + headerBytes + " bytes, but the file has " + size);
        }
        byte[] json = new byte[(int) headerBytes];
        fill(channel, ByteBuffer.wrap(json), 8);
        try (JsonParser parser = JSON.createParser(json)) {
            expect(parser.nextToken(), JsonToken.START_OBJECT);
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals("__metadata__")) {
                    parser.skipChildren();
                    continue;
                }
                expect(value, JsonToken.START_OBJECT);
                if (tensors.put(name, tensor(name, parser, size - 8 - headerBytes)) != null) {
                    throw malformed("names tensor " + name + " twice");
                }
            }
            expect(parser.currentToken(), JsonToken.END_OBJECT);
            checkOverlaps();
        } catch (JacksonException e) {
            throw malformed("has a header that is not JSON: " + e.getOriginalMessage());
        }
    }

    private Tensor tensor(String name, JsonParser parser, long dataBytes) throws IOException {
        String dtype = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "dtype" -> dtype = parser.getText();
                case "shape" -> shape = numbers(parser);
                case "data_offsets" -> offsets = numbers(parser);
                default -> parser.skipChildren();
            }
        }
        if (dtype == null || shape == null || offsets == null || offsets.size() != 2) {
            throw malformed("describes tensor " + name + " without dtype, shape or data_offsets");
        }
        Tensor tensor =
                new Tensor(dtype, shape.stream().mapToLong(Long::longValue).toArray(), offsets.get(0), offsets.get(1));
        check(name, tensor, dataBytes);
        return tensor;
    }

    private void check(String name, Tensor tensor, long dataBytes) {
        if (tensor.start() < 0 || tensor.end() < tensor.start() || tensor.end() > dataBytes) {
            throw malformed("is truncated or damaged: tensor " + name + " lies at [" + tensor.start() + ", "
                    + tensor.end() + ") of " + dataBytes + " bytes of data");
        }
        long bytes = bits(name, tensor.dtype());
        try {
            for (long dimension : tensor.shape()) {
                if (dimension < 0 || dimension > Integer.MAX_VALUE || tensor.shape().length > DIMENSIONS_MAX) {
                    throw malformed("gives tensor " + name + " the shape " + Arrays.toString(tensor.shape()));
                }
                bytes = Math.multiplyExact(bytes, dimension);
            }
        } catch (ArithmeticException e) {
            throw malformed("gives tensor " + name + " the shape " + Arrays.toString(tensor.shape()));
        }
        if ((bytes + 7) / 8 != tensor.end() - tensor.start()) {
            throw malformed("holds " + (tensor.end() - tensor.start()) + " bytes for tensor " + name + ", but "
                    + tensor.dtype() + Arrays.toString(tensor.shape()) + " needs " + (bytes + 7) / 8);
        }
    }

    /** Tensors that share bytes would change with each other. */
    private void checkOverlaps() {
        List<Map.Entry<String, Tensor>> byPlace = new ArrayList<>(tensors.entrySet());
        byPlace.removeIf(e -> e.getValue().start() == e.getValue().end());
        byPlace.sort(Comparator.comparingLong(e -> e.getValue().start()));
        for (int i = 1; i < byPlace.size(); i++) {
            if (byPlace.get(i).getValue().start()
                    < byPlace.get(i - 1).getValue().end()) {
                throw malformed("has tensors that overlap: "
                        + byPlace.get(i - 1).getKey() + " and " + byPlace.get(i).getKey());
            }
        }
    }

    private long bits(String name, String dtype) {
        return switch (dtype) {
            case "BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0" -> 8;
            case "U16", "I16", "F16", "BF16" -> 16;
            case "U32", "I32", "F32" -> 32;
            case "U64", "I64", "F64", "C64" -> 64;
            default -> throw malformed("gives tensor " + name + " the unknown dtype " + dtype);
        };
    }

    private List<Long> numbers(JsonParser parser) throws IOException {
        expect(parser.currentToken(), JsonToken.START_ARRAY);
        List<Long> numbers = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT);
            numbers.add(parser.getLongValue());
        }
        return numbers;
    }

    private void expect(JsonToken found, JsonToken wanted) {
        if (found != wanted) {
            throw malformed("has a header that is not of the form {name: {dtype, shape, data_offsets}}");
        }
    }

    private void fill(FileChannel channel, ByteBuffer buffer, long at) throws IOException {
        while (buffer.hasRemaining()) {
            int read = channel.read(buffer, at + buffer.position());
            if (read < 0) {
                throw malformed("ends within its header");
            }
        }
    }

    private MlxException malformed(String what) {
        return new MlxException("safetensors file " + file + " " + what);
    }
}
