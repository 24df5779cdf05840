package dev.langchain4j.model.mlx.ranks;

import java.util.ArrayList;
import java.util.List;

/**
 * Commands as they travel: a fixed number of integers, so that all ranks know how many are to come. The first three say
 * which record this is, how many ranks have it, and how many commands are in it.
 */
final class StepRecord {
    static final int COMMANDS_MAX = 18;
    static final int INTS = 3 + COMMANDS_MAX * Command.INTS;
    private static final int MARK = 0x51a7_0000;

    private StepRecord() {}

    /** A record of the first of these commands, which are taken out. */
    static int[] of(int number, List<Command> commands) {
        int[] record = new int[INTS];
        int count = Math.min(COMMANDS_MAX, commands.size());
        record[0] = mark(number);
        record[1] = 1;
        record[2] = count;
        for (int i = 0; i < count; i++) {
            commands.get(i).write(record, 3 + i * Command.INTS);
        }
        commands.subList(0, count).clear();
        return record;
    }

    /** What a rank that does not lead adds to a record. */
    static int[] received() {
        int[] record = new int[INTS];
        record[1] = 1;
        return record;
    }

    /**
     * The commands of a record to which all ranks added theirs.
     *
     * @throws IllegalStateException if it is another one than was expected, or not all ranks have it
     */
    static List<Command> read(int[] record, int number, int ranks) {
        check(record, number, ranks);
        List<Command> commands = new ArrayList<>();
        for (int i = 0; i < record[2]; i++) {
            commands.add(Command.read(record, 3 + i * Command.INTS));
        }
        return commands;
    }

    static void check(int[] record, int number, int ranks) {
        if (record[0] != mark(number) || record[1] != ranks || record[2] < 0 || record[2] > COMMANDS_MAX) {
            throw new IllegalStateException("the ranks disagree about the current step");
        }
    }

    private static int mark(int number) {
        return MARK ^ (number & 0xffff);
    }
}
