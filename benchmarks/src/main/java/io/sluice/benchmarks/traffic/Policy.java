package io.sluice.benchmarks.traffic;

import io.sluice.benchmarks.traffic.FirstComeEngine.Reservation;
import java.util.List;
import java.util.Optional;

/// Who decides what is admitted and what runs. A value.
sealed interface Policy {

    /// The production engine.
    record Sluice() implements Policy {
        @Override
        public SimulatedEngine engine(DeviceModel device, VirtualTime time, long seed) {
            return new SluiceEngine(device, time, seed);
        }

        @Override
        public String toString() {
            return "sluice";
        }
    }

    /// First come, first served; nobody is refused, and who came last gives way when memory runs out.
    record FirstCome() implements Policy {
        @Override
        public SimulatedEngine engine(DeviceModel device, VirtualTime time, long seed) {
            return new FirstComeEngine(device, time, Reservation.PROMPT, Integer.MAX_VALUE);
        }

        @Override
        public String toString() {
            return "fcfs";
        }
    }

    /// The same with at most so many waiting requests.
    record StaticCap(int waitingMax) implements Policy {
        @Override
        public SimulatedEngine engine(DeviceModel device, VirtualTime time, long seed) {
            return new FirstComeEngine(device, time, Reservation.PROMPT, waitingMax);
        }

        @Override
        public String toString() {
            return "cap:" + waitingMax;
        }
    }

    /// The same, but a request starts only when its longest possible output has room: nobody gives way.
    record FullReservation(int waitingMax) implements Policy {
        @Override
        public SimulatedEngine engine(DeviceModel device, VirtualTime time, long seed) {
            return new FirstComeEngine(device, time, Reservation.MAXIMUM, waitingMax);
        }

        @Override
        public String toString() {
            return "reserve:" + waitingMax;
        }
    }

    /// How policies are named on the command line; N is a number of waiting requests.
    List<String> NAMES = List.of("sluice", "fcfs", "cap:N", "reserve:N");

    /// A fresh engine that follows the policy.
    SimulatedEngine engine(DeviceModel device, VirtualTime time, long seed);

    /// The policy of this name, or empty if there is none.
    static Optional<Policy> of(String name) {
        int colon = name.indexOf(':');
        if (colon < 0) {
            return switch (name) {
                case "sluice" -> Optional.of(new Sluice());
                case "fcfs" -> Optional.of(new FirstCome());
                default -> Optional.empty();
            };
        }
        String limit = name.substring(colon + 1);
        if (!limit.matches("[1-9][0-9]{0,8}")) return Optional.empty();
        return switch (name.substring(0, colon)) {
            case "cap" -> Optional.of(new StaticCap(Integer.parseInt(limit)));
            case "reserve" -> Optional.of(new FullReservation(Integer.parseInt(limit)));
            default -> Optional.empty();
        };
    }
}
