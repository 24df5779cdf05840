package dev.langchain4j.model.mlx.testing;

import java.nio.file.Path;

/** The tiny model that the repository makes itself. */
public final class DemoModel {
    private DemoModel() {}

    /** Its folder. */
    public static Path folder() {
        return Path.of(System.getProperty("project.root"), "samples", "demo-model", "model");
    }
}
