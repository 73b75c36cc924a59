package io.sluice.server.openai;

import io.sluice.server.generation.Generation;
import io.sluice.server.generation.Interruption;
import io.sluice.server.generation.Reading;
import io.sluice.server.http.ApiError;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// A stream that outlives its connections. Somebody always reads it: a client, or while none is there a caretaker, who
/// looks for stop texts as a client's reader would, and gives the stream up when nobody comes back in time. So a
/// sequence neither stands still nor runs on for want of a reader. Any thread.
public final class ResumableStream {

    /// How long a reader that is to leave may need to say goodbye to its client, before its connection is broken off.
    private static final Duration GOODBYE = Duration.ofSeconds(1);

    private final String id;
    private final String owner;
    private final Generation generation;
    private final Streaming.Shape shape;
    private final ResumableStreams streams;
    private final ReentrantLock turn = new ReentrantLock(true); // those who want to take over queue up
    private @Nullable Reader reader; // guarded by this
    private boolean wanted; // somebody waits for the reader to leave; guarded by this
    private boolean delivered; // a client was told the end; guarded by this
    private boolean dropped; // guarded by this

    /// Whoever reads, and how to make it stop if it does not listen. Identity matters.
    static final class Reader {
        private final Reading reading;
        private final Runnable breakOff;
        private final boolean caretaker;
        private volatile boolean replaced;

        private Reader(Reading reading, Runnable breakOff, boolean caretaker) {
            this.reading = reading;
            this.breakOff = breakOff;
            this.caretaker = caretaker;
        }

        Reading reading() {
            return reading;
        }

        /// True if another reader takes the stream over.
        boolean isReplaced() {
            return replaced;
        }
    }

    ResumableStream(String id, String owner, Generation generation, Streaming.Shape shape, ResumableStreams streams) {
        this.id = id;
        this.owner = owner;
        this.generation = generation;
        this.shape = shape;
        this.streams = streams;
    }

    String id() {
        return id;
    }

    String owner() {
        return owner;
    }

    Streaming.Shape shape() {
        return shape;
    }

    /// What to tell a client that finds it gone.
    ApiError notHere() {
        return streams.notHere();
    }

    int choiceCount() {
        return generation.choiceCount();
    }

    /// A reading that stands where a client says that it has been; empty if nobody can have been there.
    Optional<Reading> readingFrom(StreamPosition position) {
        Reading reading = generation.reading();
        for (int choice = 0; choice < position.choiceCount(); choice++) {
            boolean there = reading.skip(choice, position.tokens(choice), position.isComplete(choice));
            if (!there) return Optional.empty();
        }
        return Optional.of(reading);
    }

    /// Makes the calling thread the stream's reader, once whoever reads now has left.
    ///
    /// @param breakOff ends this reader's connection by force
    /// @return empty if the stream is kept no longer
    Optional<Reader> takeOver(Reading reading, Runnable breakOff) throws InterruptedException {
        turn.lockInterruptibly();
        try {
            return replaceBy(new Reader(reading, breakOff, false));
        } finally {
            turn.unlock();
        }
    }

    private synchronized Optional<Reader> replaceBy(Reader next) throws InterruptedException {
        wanted = true;
        try {
            awaitLeaving();
        } catch (InterruptedException e) {
            if (reader == null && !dropped) appointCaretaker(); // else the reader does, when it leaves
            throw e;
        } finally {
            wanted = false;
        }
        if (dropped) return Optional.empty();
        read(next);
        return Optional.of(next);
    }

    private void awaitLeaving() throws InterruptedException {
        if (reader == null) return;
        reader.replaced = true;
        reader.reading.dismiss();
        long patienceEndNs = System.nanoTime() + GOODBYE.toNanos();
        boolean broken = false;
        while (reader != null) {
            long leftNs = patienceEndNs - System.nanoTime();
            if (leftNs > 0) {
                TimeUnit.NANOSECONDS.timedWait(this, leftNs);
            } else if (broken) {
                wait();
            } else {
                reader.breakOff.run();
                broken = true;
            }
        }
    }

    private void read(Reader next) {
        reader = next;
        generation.readBy(next.reading);
    }

    /// The reader has left. A caretaker takes its place, unless another reader does.
    ///
    /// @param told its client was told how the stream ended: nothing is owed any more, but the tokens stay readable
    void leave(Reader leaving, boolean told) {
        if (giveWay(leaving, told)) generation.close();
    }

    /// @return true if the generation is not needed any more. Closing it may wait for a step, which must not be done
    ///     with the lock held: whoever looks for room among the streams asks each of them
    private synchronized boolean giveWay(Reader leaving, boolean told) {
        if (told) delivered = true;
        if (reader != leaving) return told; // the stream was dropped under it
        reader = null;
        notifyAll();
        if (!dropped && !wanted) appointCaretaker();
        return told || dropped;
    }

    private void appointCaretaker() {
        Reader caretaker = new Reader(generation.reading(), () -> {}, true);
        read(caretaker);
        Thread.ofVirtual().name("stream-caretaker").start(() -> takeCare(caretaker));
    }

    private void takeCare(Reader caretaker) {
        boolean relieved = false;
        try {
            relieved = readUntilRelieved(
                    caretaker.reading, System.nanoTime() + streams.grace().toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody does; the stream is given up
        } finally {
            if (relieved) leave(caretaker, false);
            else expire(caretaker);
        }
    }

    /// @return false if nobody came
    private static boolean readUntilRelieved(Reading reading, long endNs) throws InterruptedException {
        while (!reading.isDismissed()) {
            Duration left = Duration.ofNanos(endNs - System.nanoTime());
            if (!left.isPositive()) return false;
            if (reading.isFinished()) reading.awaitDismissal(left);
            else reading.next(left);
        }
        return true;
    }

    private void expire(Reader caretaker) {
        synchronized (this) {
            if (!wanted) drop();
        }
        if (isDropped()) end();
        else leave(caretaker, false); // somebody came at the last moment
    }

    private synchronized boolean isDropped() {
        return dropped;
    }

    /// Makes room for another stream, if this one's client has been told its end: its generation is closed then, or
    /// about to be by whoever told.
    ///
    /// @return true if it may be forgotten
    synchronized boolean dropIfDelivered() {
        if (!delivered || wanted || dropped || reader == null || !reader.caretaker) return false;
        drop();
        return true;
    }

    /// Ends the stream, which nobody is going to read any more.
    void discard() {
        synchronized (this) {
            drop();
        }
        end();
    }

    /// Ends the stream on its owner's word. A client that reads is told.
    void delete() {
        generation.interrupt(Interruption.DELETED);
        boolean unread;
        synchronized (this) {
            unread = reader == null || reader.caretaker;
            if (unread) drop();
            dropped = true; // a client that reads leaves by itself
        }
        if (unread) generation.close();
        streams.remove(this);
    }

    /// What was dropped is closed and forgotten.
    private void end() {
        generation.close();
        streams.remove(this);
    }

    private void drop() {
        dropped = true;
        if (reader != null) reader.reading.dismiss();
        reader = null;
        notifyAll();
    }
}
