package dev.langchain4j.model.mlx.parse;

import java.util.ArrayList;
import java.util.List;

/** Reads formats that set reasoning and calls apart with markers. */
final class MarkerMachine implements OutputParser.Machine {

    private enum Kind {
        REASONING_OPEN,
        REASONING_CLOSE,
        TOOLS,
        IGNORED,
        /** Closes a block once more. */
        STRAY_END
    }

    private record Marker(Kind kind, String text) {
        /** Whether the beginning of the marker could be the end of ordinary text. */
        boolean isWord() {
            return Character.isLetter(text.charAt(0));
        }
    }

    /** What came since a call that may be an example, or only thought of. */
    private static final class Held {
        /** All of it. */
        private final StringBuilder raw = new StringBuilder();
        /** What stands around the calls. */
        private final StringBuilder around = new StringBuilder();
        /** Whether the call stands behind backticks that may close. */
        private boolean inSpan;

        private int spansClosed;
        /** Whether text follows the last call. */
        private boolean goesOn;

        void add(String text) {
            raw.append(text);
            around.append(text);
            goesOn |= !text.isBlank();
        }
    }

    private final TextFlow flow;
    private final CallEmitter calls;
    private final CallFormat format;
    private final ToolSchemas tools;
    private final ReasoningFormat reasoning;
    private final List<Marker> answerMarkers = new ArrayList<>();
    private final List<Marker> thinkingMarkers = new ArrayList<>();
    /** Where the answer is JSON, markers in it are part of its value. */
    private final JsonProgress json = new JsonProgress();

    private CodeSpans code = new CodeSpans();
    private boolean thinking;
    private CallReader reader;
    private Held held;
    private boolean bareBlock;
    private String opening = "";
    private boolean justOpened;
    /** Whether nothing but white space came since a call. */
    private boolean behindCall;

    MarkerMachine(TextFlow flow, CallEmitter calls, OutputParser.Builder builder) {
        this.flow = flow;
        this.calls = calls;
        format = builder.toolCalls;
        tools = builder.tools;
        thinking = builder.reasoningOpen;
        reasoning = builder.reasoning;
        if (reasoning != ReasoningFormat.NONE) {
            Marker close = new Marker(Kind.REASONING_CLOSE, reasoning.close());
            answerMarkers.add(new Marker(Kind.REASONING_OPEN, reasoning.open()));
            answerMarkers.add(close);
            thinkingMarkers.add(close);
            reasoning.ignored().forEach(text -> answerMarkers.add(new Marker(Kind.IGNORED, text)));
        }
        if (thinking) {
            flow.marker();
        }
        if (!tools.isEmpty()) {
            for (String start : format.starts()) {
                answerMarkers.add(new Marker(Kind.TOOLS, start));
                thinkingMarkers.add(new Marker(Kind.TOOLS, start));
            }
            format.ends().forEach(text -> answerMarkers.add(new Marker(Kind.STRAY_END, text)));
            format.ends().forEach(text -> thinkingMarkers.add(new Marker(Kind.STRAY_END, text)));
        }
    }

    @Override
    public boolean isThinking() {
        return thinking && reader == null;
    }

    @Override
    public void run(Input in) {
        while (reader != null ? readBlock(in) : readText(in)) {
            // Each round gets on; it ends when more text is needed.
        }
        if (in.ended() && held != null) {
            settleAtEnd(in.cut());
        }
    }

    /** Passes text on up to the next marker and reads that; false if more text is needed. */
    private boolean readText(Input in) {
        if (in.empty()) {
            return false;
        }
        if (!thinking && held == null && opensBareBlock(in)) {
            return true;
        }
        int length = 0;
        while (length < in.available()) {
            char c = in.ahead(length);
            Marker found = null;
            boolean mayGrow = false;
            for (Marker marker : thinking ? thinkingMarkers : answerMarkers) {
                if (c == marker.text.charAt(0) && mayStand(marker)) {
                    Input.Match match = in.matchAhead(length, marker.text);
                    mayGrow |= match == Input.Match.MAYBE && !isEndOfWord(in, length, marker);
                    if (match == Input.Match.YES && (found == null || marker.text.length() > found.text.length())) {
                        found = marker;
                    }
                }
            }
            int header = found == null && !mayGrow ? header(in, length) : 0;
            if (header > 0) {
                for (String start : format.starts()) {
                    Input.Match match = in.matchAhead(length + header, start);
                    mayGrow |= match == Input.Match.MAYBE;
                    found = match == Input.Match.YES
                            ? new Marker(
                                    Kind.TOOLS, in.lookAhead(length + header).substring(length) + start)
                            : found;
                }
            }
            if (mayGrow || header < 0) {
                pass(in, length);
                return false;
            }
            if (found != null) {
                pass(in, length);
                return readMarker(in, found);
            }
            if (header > 0 && !thinking) {
                pass(in, length);
                in.skip(header);
                flow.marker();
                return true;
            }
            length++;
            if (next(c)) {
                pass(in, length);
                settleSpan();
                return true;
            }
        }
        pass(in, length);
        return false;
    }

    /** Whether a marker is none here, whatever follows. */
    private boolean mayStand(Marker marker) {
        return switch (marker.kind) {
            case STRAY_END -> behindCall;
            case TOOLS -> !code.inFence() && (thinking || !json.inString());
            default -> thinking || !json.inString();
        };
    }

    /** Where the output was cut, a letter or two are the end of a word rather than the beginning of a marker. */
    private static boolean isEndOfWord(Input in, int at, Marker marker) {
        return in.ended() && marker.isWord() && in.available() - at < marker.text.length() / 2;
    }

    private int header(Input in, int at) {
        return tools.isEmpty() || json.inString() ? 0 : format.headerLength(in, at);
    }

    /** A character of text; whether it decides about a call between backticks. */
    private boolean next(char c) {
        behindCall &= Character.isWhitespace(c);
        if (!thinking) {
            json.accept(c);
        }
        code.accept(c);
        return held != null && held.inSpan && !code.inOpenSpan();
    }

    private void pass(Input in, int length) {
        if (length > 0) {
            deliver(in.take(length));
        }
    }

    private void deliver(String text) {
        if (held != null) {
            held.add(text);
        } else if (thinking) {
            flow.thinking(text);
        } else {
            flow.text(text);
        }
    }

    private boolean readMarker(Input in, Marker marker) {
        if (!thinking && isText(marker)) {
            boolean decided = false;
            for (int i = 0; i < marker.text.length(); i++) {
                decided |= next(marker.text.charAt(i));
            }
            pass(in, marker.text.length());
            if (decided) {
                settleSpan();
            }
            return true;
        }
        if (marker.kind == Kind.TOOLS) {
            Input.Match call = format.opensCall(marker.text, in);
            if (call == Input.Match.MAYBE) {
                return false;
            }
            if (call == Input.Match.YES) {
                open(in, marker.text);
                return true;
            }
        }
        in.skip(marker.text.length());
        if (marker.kind == Kind.STRAY_END && held != null) {
            held.raw.append(marker.text);
            return true;
        }
        if (marker.kind == Kind.REASONING_CLOSE && held != null) {
            settle(false);
        }
        if (marker.kind == Kind.REASONING_OPEN || marker.kind == Kind.REASONING_CLOSE) {
            thinking = marker.kind == Kind.REASONING_OPEN;
            behindCall = false;
            code = new CodeSpans();
        }
        flow.marker();
        return true;
    }

    /** Prose about a tag, for reasoning comes before the answer; and whatever a JSON value has in it. */
    private boolean isText(Marker marker) {
        return switch (marker.kind) {
            case REASONING_OPEN -> flow.hasText() && !reasoning.opensAnywhere() || json.inValue();
            case REASONING_CLOSE -> flow.hasText() && !reasoning.closesAnywhere() || json.inValue();
            case IGNORED, STRAY_END -> json.inValue();
            case TOOLS -> !format.opensAnywhere(marker.text) && flow.hasText();
        };
    }

    /** Opens a block without a marker, which only the beginning of an answer can be. */
    private boolean opensBareBlock(Input in) {
        if (tools.isEmpty() || flow.hasText()) {
            return false;
        }
        int blank = in.skipBlank(0);
        if (blank == in.available() || !format.opensBare(in, blank, tools)) {
            return false;
        }
        for (Marker marker : answerMarkers) {
            if (in.matchAhead(blank, marker.text) != Input.Match.NO) {
                return false;
            }
        }
        pass(in, blank);
        open(in, "");
        return true;
    }

    // ---- blocks of calls -----------------------------------------------------------------------------------------

    private void open(Input in, String start) {
        if (held == null && (thinking || code.inSpan())) {
            held = new Held();
        }
        if (held != null && !held.inSpan && code.inSpan()) {
            held.inSpan = true;
            held.spansClosed = code.spansClosed();
        }
        in.mark();
        in.skip(start.length());
        opening = start;
        justOpened = !start.isEmpty();
        bareBlock = start.isEmpty();
        calls.openBlock(held != null);
        reader = format.open(start, calls, tools);
    }

    /** An opening marker may be doubled; whether it is known. */
    private boolean skipsRepeated(Input in) {
        int next = in.skipBlank(0);
        Input.Match again = in.matchAhead(next, opening);
        if (again == Input.Match.MAYBE && !in.ended()) {
            return false;
        }
        in.skip(again == Input.Match.YES ? next + opening.length() : 0);
        justOpened = again == Input.Match.YES;
        return true;
    }

    /** Lets the reader of the open block get on; false if more text is needed. */
    private boolean readBlock(Input in) {
        if (justOpened) {
            return skipsRepeated(in);
        }
        switch (reader.step(in)) {
            case WAIT -> {
                if (!in.ended()) {
                    return false;
                }
                if (reader.mayEnd() && in.empty()) {
                    close(in);
                } else if (in.cut() && (!bareBlock || reader.isCertain(in))) {
                    breakOff(in);
                } else {
                    in.skip(in.available());
                    giveBack(in, "the output ended inside of a tool call");
                }
            }
            case DONE -> close(in);
            case FAILED -> giveBack(in, reader.failure());
            case AGAIN -> {}
        }
        return true;
    }

    private void close(Input in) {
        if (held != null) {
            held.raw.append(in.sinceMark());
            held.goesOn = false;
        } else {
            calls.deliver();
            flow.marker();
        }
        in.unmark();
        reader = null;
        behindCall = true;
    }

    /** The output was cut inside of a call: what of it there is, is markup. Calls that are whole stay. */
    private void breakOff(Input in) {
        in.skip(in.available());
        in.unmark();
        reader = null;
        if (held == null) {
            calls.deliver();
            flow.marker();
        } else {
            held.goesOn = false;
        }
    }

    /** The block is no call (any more): it is text again, from a nested opening on unread. */
    private void giveBack(Input in, String reason) {
        calls.dropBlock();
        String raw = in.sinceMark();
        int nested = -1;
        for (String start : format.starts()) {
            int found = raw.indexOf(start, Math.max(opening.length(), 1));
            nested = found >= 0 && (nested < 0 || found < nested) ? found : nested;
        }
        if (nested >= 0) {
            in.seekAfterMark(nested);
            raw = raw.substring(0, nested);
        }
        in.unmark();
        reader = null;
        if (raw.isBlank() || raw.strip().equals(opening) && behindCall && nested < 0) {
            // What opens a block was written in the place of what closes it.
            return;
        }
        behindCall = false;
        boolean decided = false;
        for (int i = 0; i < raw.length(); i++) {
            decided |= next(raw.charAt(i));
        }
        if (held != null) {
            held.add(raw);
            if (decided) {
                settleSpan();
            }
        } else if (thinking || bareBlock) {
            deliver(raw);
        } else {
            flow.malformed(raw, reason);
        }
    }

    // ---- calls that may be examples ------------------------------------------------------------------------------

    /** The span that a call may stand in is over: closed, or never opened, for its paragraph is over. */
    private void settleSpan() {
        if (code.spansClosed() > held.spansClosed) {
            settle(false);
        } else if (thinking) {
            held.inSpan = false;
        } else {
            settle(true);
        }
    }

    /** Reasoning that is never closed ends with what the model does, unless it was cut and goes on behind it. */
    private void settleAtEnd(boolean cut) {
        boolean example = held.inSpan && !code.inSpan() && code.spansClosed() > held.spansClosed;
        settle(!example && !(cut && held.goesOn));
    }

    /** Delivers what was held: as calls with text around them, or as text. */
    private void settle(boolean made) {
        Held done = held;
        held = null;
        if (!made || !calls.hasWhole()) {
            calls.dropAll();
            deliver(done.raw.toString());
            return;
        }
        flow.marker();
        deliver(done.around.toString());
        flow.marker();
        calls.deliver();
        thinking = false;
        code = new CodeSpans();
    }
}
