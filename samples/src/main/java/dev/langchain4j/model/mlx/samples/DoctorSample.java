package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.mlx.Doctor;

/** Says what MLX there is on this machine, where it was found, and whether and how fast it works. */
public final class DoctorSample {
    private DoctorSample() {}

    /** Takes no options. */
    public static void main(String[] args) {
        Doctor.main(args);
    }
}
