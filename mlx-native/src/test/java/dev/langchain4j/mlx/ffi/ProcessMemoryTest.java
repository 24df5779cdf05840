package dev.langchain4j.mlx.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessMemoryTest {
    @Test
    void onLinuxItIsMemoryThatNoFileBacks(@TempDir Path folder) throws Exception {
        Path status = folder.resolve("status");
        assertThat(ProcessMemory.linuxFootprint(status)).as("not known").isZero();
        Files.writeString(status, """
                Name:\tjava
                VmRSS:\t  600000 kB
                RssAnon:\t  500000 kB
                RssFile:\t   90000 kB
                RssShmem:\t   10000 kB
                VmSwap:\t     256 kB
                """);
        assertThat(ProcessMemory.linuxFootprint(status)).isEqualTo(510_256L << 10);
        Files.writeString(status, "RssAnon:\tmuch kB\n");
        assertThat(ProcessMemory.linuxFootprint(status)).isZero();
    }
}
