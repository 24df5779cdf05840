package dev.langchain4j.model.mlx.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * JVMs on this machine that compute a model together, each running {@code main(rank, hostfile, arguments...)} of a
 * class.
 */
public final class RankProcesses implements AutoCloseable {
    private final List<List<String>> commands = new ArrayList<>();
    private final List<Process> processes = new ArrayList<>();
    private final List<Path> outputs = new ArrayList<>();

    private RankProcesses() {}

    /** Starts as many processes as there are lists of arguments. */
    public static RankProcesses start(Path folder, Class<?> main, List<List<String>> arguments) throws IOException {
        RankProcesses ranks = new RankProcesses();
        Path hostfile = hostfile(folder, arguments.size());
        for (int rank = 0; rank < arguments.size(); rank++) {
            ranks.outputs.add(folder.resolve("rank-" + rank + ".txt"));
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-Xmx512m",
                    "-XX:TieredStopAtLevel=1",
                    "-Dlangchain4j.mlx.cpu.threads=1",
                    "-Dlangchain4j.mlx.native.path=" + System.getProperty("langchain4j.mlx.native.path", ""),
                    "-Dproject.root=" + System.getProperty("project.root", ""),
                    "-cp",
                    System.getProperty("java.class.path"),
                    main.getName(),
                    String.valueOf(rank),
                    hostfile.toString()));
            command.removeIf(argument -> argument.endsWith("native.path="));
            command.addAll(arguments.get(rank));
            ranks.commands.add(command);
            ranks.processes.add(ranks.start(rank));
        }
        return ranks;
    }

    private Process start(int rank) throws IOException {
        return new ProcessBuilder(commands.get(rank))
                .redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(outputs.get(rank).toFile()))
                .start();
    }

    /** Starts a process in the place of one that ended. */
    public void restart(int rank) throws IOException {
        processes.set(rank, start(rank));
    }

    /** A hostfile of free ports of this machine. */
    public static Path hostfile(Path folder, int ranks) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        List<String> hosts = new ArrayList<>();
        try {
            for (int i = 0; i < ranks; i++) {
                ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                sockets.add(socket);
                hosts.add("[\"127.0.0.1:" + socket.getLocalPort() + "\"]");
            }
        } finally {
            for (ServerSocket socket : sockets) {
                socket.close();
            }
        }
        return Files.writeString(folder.resolve("hosts.json"), "[" + String.join(", ", hosts) + "]");
    }

    /** The process of a rank. */
    public Process process(int rank) {
        return processes.get(rank);
    }

    /** What a rank has written. */
    public String output(int rank) throws IOException {
        return Files.readString(outputs.get(rank));
    }

    /** Whether a rank ends in time. */
    public boolean ends(int rank, long seconds) throws InterruptedException {
        return processes.get(rank).waitFor(seconds, TimeUnit.SECONDS);
    }

    /** Waits until a rank has written this. */
    public void awaitOutput(int rank, String text, long seconds) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!output(rank).contains(text)) {
            if (System.nanoTime() > end || !processes.get(rank).isAlive()) {
                throw new AssertionError("rank " + rank + " did not write \"" + text + "\", but: " + output(rank));
            }
            Thread.sleep(20);
        }
    }

    @Override
    public void close() {
        processes.forEach(Process::destroyForcibly);
        for (Process process : processes) {
            try {
                process.waitFor();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
