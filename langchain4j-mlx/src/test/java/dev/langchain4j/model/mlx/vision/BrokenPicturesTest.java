package dev.langchain4j.model.mlx.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.ImageDecoder;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.mlx.image.RgbImage;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of pictures that are broken, lie or are bombs end in a picture or in an exception that says why. */
class BrokenPicturesTest {
    private static final Path ROOT = Goldens.own("pictures");
    private static final ImageLimits SMALL = new ImageLimits(1 << 20, 1 << 18);

    /** {@code -Dfuzzed.pictures=10000} for more. */
    private static final int FILES = Integer.getInteger("fuzzed.pictures", 1500);

    private static byte[] file(String name) throws IOException {
        return Files.readAllBytes(ROOT.resolve(name));
    }

    private static String refusal(byte[] bytes, ImageLimits limits) {
        try {
            ImageDecoder.decode(bytes, limits);
            return null;
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
    }

    @Test
    void fuzzedFilesEndInAPictureOrAClearError() throws IOException {
        long seed = Seeds.seed(BrokenPicturesTest.class);
        List<byte[]> files = new ArrayList<>();
        for (String name : PicturesTest.files()) {
            files.add(file(name));
        }
        int pictures = 0;
        for (int i = 0; i < FILES; i++) {
            Random random = new Random(seed + i);
            byte[] bytes = files.get(random.nextInt(files.size())).clone();
            for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                bytes = changed(bytes, files, random);
            }
            String refusal;
            try {
                refusal = refusal(bytes, SMALL);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("-Dseed=" + (seed + i) + " -Dfuzzed.pictures=1", e);
            }
            if (refusal != null) {
                assertThat(refusal)
                        .as("-Dseed=%d -Dfuzzed.pictures=1", seed + i)
                        .startsWith("it ")
                        .doesNotContain("internal error");
            }
            pictures += refusal == null ? 1 : 0;
        }
        System.out.printf("%d fuzzed files: %d pictures, %d refused%n", FILES, pictures, FILES - pictures);
    }

    private static byte[] changed(byte[] bytes, List<byte[]> files, Random random) {
        if (bytes.length < 4) {
            return bytes;
        }
        int place = random.nextInt(bytes.length - 3);
        switch (random.nextInt(6)) {
            case 0 -> bytes[place] ^= (byte) (1 << random.nextInt(8));
            case 1 -> {
                return Arrays.copyOf(bytes, place);
            }
            case 2 -> {
                // a lie in a header
                int[] lies = {0, 1, -1, 0x7fff_ffff, 0xffff, 0x0100_0000, 0x8000, random.nextInt()};
                int header = random.nextInt(Math.min(64, bytes.length - 3));
                ByteBuffer.wrap(bytes).putInt(header, lies[random.nextInt(lies.length)]);
            }
            case 3 -> {
                byte[] other = files.get(random.nextInt(files.size()));
                int count = Math.min(other.length, bytes.length) - place;
                if (count > 0) {
                    System.arraycopy(other, place, bytes, place, random.nextInt(count) + 1);
                }
            }
            case 4 -> {
                // a part twice
                int count = random.nextInt(Math.min(40, bytes.length - place));
                byte[] longer = Arrays.copyOf(bytes, bytes.length + count);
                System.arraycopy(bytes, place, longer, place + count, bytes.length - place);
                bytes = longer;
            }
            default -> {
                for (int i = 0; i < 20; i++) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
            }
        }
        if (random.nextBoolean()) {
            mendChecksums(bytes);
        }
        return bytes;
    }

    /** Of a PNG, so that what lies comes further than to the first checksum. */
    private static void mendChecksums(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        if (bytes.length < 12 || buffer.getInt(0) != 0x8950_4e47) {
            return;
        }
        long place = 8;
        while (place + 12 <= bytes.length) {
            long length = buffer.getInt((int) place) & 0xffff_ffffL;
            if (place + 12 + length > bytes.length) {
                return;
            }
            CRC32 crc = new CRC32();
            crc.update(bytes, (int) place + 4, (int) length + 4);
            buffer.putInt((int) (place + 8 + length), (int) crc.getValue());
            place += 12 + length;
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rgb.png",
                "palette.png",
                "interlaced.png",
                "420.jpg",
                "progressive.jpg",
                "lossless.webp",
                "lossy.webp",
                "palette.gif"
            })
    void aTruncatedFileIsRefused(String name) throws IOException {
        byte[] whole = file(name);
        for (int part = 1; part < 10; part++) {
            byte[] bytes = Arrays.copyOf(whole, whole.length * part / 10);
            assertThat(refusal(bytes, SMALL)).as("%d tenths", part).isNotNull();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "rgb.png, 16, 0000ffff0000ffff, 65535 x 65535",
        "rgb.png, 16, 7fffffff7fffffff, ''",
        "rgb.png, 16, 0000000000000000, ''",
        "lossless.webp, 21, ffffff0f, 16384 x 16384",
        "lossy.webp, 26, ff3fff3f, 16383 x 16383",
        "palette.gif, 6, ffffffff, 65535 x 65535"
    })
    void aPictureThatSaysItIsHugeIsRefusedByItsHeader(String name, int place, String lie, String size)
            throws IOException {
        byte[] bytes = file(name);
        byte[] value = HexFormat.of().parseHex(lie);
        System.arraycopy(value, 0, bytes, place, value.length);
        mendChecksums(bytes);
        assertThat(refusal(bytes, ImageLimits.DEFAULT)).startsWith("it ").contains(size);
    }

    @Test
    void aJpegOfTooManyPixelsIsRefusedByItsHeader() throws IOException {
        byte[] bytes = file("420.jpg");
        int frame = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("\u00ff\u00c0");
        ByteBuffer.wrap(bytes).putInt(frame + 5, 0xffdc_ffdc);
        assertThat(refusal(bytes, ImageLimits.DEFAULT))
                .contains("65500 x 65500 pixels large, but must have 1 to 50000000");
    }

    @Test
    void theFileOfAPictureHasALimitOfItsOwn() throws IOException {
        byte[] bytes = file("rgb.png");
        assertThat(refusal(bytes, new ImageLimits(bytes.length, 1000))).isNull();
        assertThat(refusal(bytes, new ImageLimits(bytes.length - 1, 1000)))
                .isEqualTo("it has " + bytes.length + " bytes, but at most " + (bytes.length - 1) + " are read");
        assertThat(refusal(bytes, new ImageLimits(bytes.length, 23 * 19))).isNull();
        assertThat(refusal(bytes, new ImageLimits(bytes.length, 23 * 19 - 1)))
                .isEqualTo("it is 23 x 19 pixels large, but must have 1 to 436, and 65535 at most on a side");
    }

    @Test
    void whatIsNoPictureIsToldFromWhatIsNotRead() {
        assertThat(refusal(new byte[0], SMALL)).isEqualTo("it is empty");
        assertThat(refusal("%PDF-1.7".getBytes(StandardCharsets.US_ASCII), SMALL))
                .isEqualTo("it is no PNG, JPEG, WebP or GIF file");
        assertThat(refusal("BM6\0\0\0".getBytes(StandardCharsets.US_ASCII), SMALL))
                .isEqualTo("it is a Bmp file, but only PNG, JPEG, WebP and GIF are read");
    }

    @Test
    void aProcessedFileIsNamedInTheException() {
        ImageProcessor never = new ImageProcessor() {
            @Override
            public ProcessedImage process(RgbImage image, ImageBudget budget) {
                throw new InvalidRequestException("it is too thin");
            }

            @Override
            public String placeholder() {
                return "";
            }

            @Override
            public String expansion(ProcessedImage image) {
                return "";
            }

            @Override
            public int imageToken() {
                return 0;
            }
        };
        assertThatThrownBy(() -> new ImageFile("image 3", new byte[] {1}).process(never, ImageBudget.AUTO, SMALL))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("image 3: it is no PNG, JPEG, WebP or GIF file");
        assertThatThrownBy(() -> new ImageFile("image 3", file("rgb.png")).process(never, ImageBudget.AUTO, SMALL))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("image 3: it is too thin");
    }
}
