package trial

import (
	"io/fs"
	"sync/atomic"
	"time"

	"vmspec/probes/timer"
)

const (
	// So often the counter is read on one CPU, and so often two CPUs hand over
	// in all, unless that takes too long, as where the processor is emulated.
	agreementReads     = 2_000_000
	agreementHandovers = 100_000
	// The reads may take 1/10 s, of which a processor needs half. Where they
	// go slower than 15 million a second it is emulated, and its host's time is
	// dear: 1/250 s is some 25,000 reads.
	readsMost  = 10
	readsShort = 250
	readsFast  = 15_000_000
	// The hand-overs of two CPUs may take 1/16 s, of which they need a sixth on
	// a quiet host. On a busy one two virtual CPUs seldom run at once: it gets a
	// second, or until there are enough.
	pairMost        = 16
	pairBusyMost    = 1
	handoversEnough = 1000
	// All hand-overs of a machine with many CPUs end after so many seconds.
	handoversMost = 5
	// Between two looks at the time.
	readsStep = 1 << 10
	// As long as a turn takes to come where both CPUs run.
	handoverRest = 50 * time.Microsecond
)

// Agreement reads the counter without a pause, and then on two CPUs in turn, the
// first and each other one: each reads when the other has. It counts how often a
// reading was behind the one before, and by how much at most.
func Agreement(root fs.FS, c Timebase, n *timer.Agreement) error {
	n.Counter, n.Hz = c.Name, c.Hz
	cpus, err := onlineCPUs(root)
	if err != nil {
		return err
	}
	if err := onOwnThread(func() error { return readWithoutPause(c, cpus[0], &n.Alone) }); err != nil {
		return err
	}
	end := c.Now() + c.Hz*handoversMost
	for _, other := range cpus[1:] {
		now := c.Now()
		h := &handover{clock: c, most: uint64(agreementHandovers / (len(cpus) - 1)),
			soon: now + c.Hz/pairMost, end: min(now+c.Hz/pairBusyMost, end)}
		if err := h.between(cpus[0], other); err != nil {
			return err
		}
		n.Pairs = append(n.Pairs, timer.Pair{A: uint64(cpus[0]), B: uint64(other),
			Readings: timer.Readings{Count: h.turn.Load(), Backward: h.backward, Worst: h.worst}})
	}
	return nil
}

// readWithoutPause reads the counter on one CPU.
func readWithoutPause(c Timebase, on int, n *timer.Readings) error {
	if err := pin(on); err != nil {
		return err
	}
	r := handover{clock: c, last: c.Now()}
	begin := r.last
	count, end := uint64(0), begin+c.Hz/readsMost
	for ; count < agreementReads && r.last < end; count += readsStep {
		for range readsStep {
			r.read()
		}
		if count == 0 && r.last-begin > c.Hz*readsStep/readsFast {
			end = begin + c.Hz/readsShort
		}
	}
	*n = timer.Readings{Count: count, Backward: r.backward, Worst: r.worst}
	return nil
}

// A handover is a counter that threads read in turn. Whose turn it is they tell
// each other by turn alone, which orders all else.
type handover struct {
	clock           Timebase
	turn            atomic.Uint64 // how many there were
	most            uint64
	soon, end       uint64 // the ticks after which enough are enough, and there are no more
	last            uint64
	backward, worst uint64
}

func (h *handover) read() {
	now := h.clock.Now()
	if now < h.last {
		h.backward++
		h.worst = max(h.worst, h.last-now)
	}
	h.last = now
}

// between lets two CPUs take turns.
func (h *handover) between(a, b int) error {
	h.last = 0 // the first reading has none before it
	done := make(chan error, 2)
	for parity, on := range []int{a, b} {
		go func() {
			err := pin(on)
			if err == nil {
				h.takeTurns(uint64(parity))
			}
			done <- err
		}()
	}
	first, second := <-done, <-done
	if first != nil {
		return first
	}
	return second
}

// takeTurns reads at each turn of this parity, and gives up when time is up. A
// turn that is long in coming is that of a virtual CPU which waits for its
// host's: this one rests then, so that the host can run the other.
func (h *handover) takeTurns(parity uint64) {
	for spins := 1; ; spins++ {
		turn := h.turn.Load()
		switch {
		case turn >= h.most:
			return
		case turn%2 == parity:
			h.read()
			h.turn.Store(turn + 1)
			spins = 0
		case spins%readsStep == 0:
			if now := h.clock.Now(); now > h.end || now > h.soon && turn >= handoversEnough {
				return
			}
			_ = nap(handoverRest) // what cannot rest spins on
		}
	}
}
