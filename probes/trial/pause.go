package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"time"

	"vmspec/probes/note"
	"vmspec/probes/rtc"
	"vmspec/probes/sysfs"
)

// Pause asks on the terminals that the VM be paused for some seconds, waits for the
// answer, and notes what the clocks show before and after that. request makes the
// line that asks, answer reads what was typed.
func Pause(root fs.FS, terminals []string, request func(nonce string) string, answer func(line string) (nonce string, done, ok bool), within time.Duration, n *rtc.PauseNote) error {
	names, err := sysfs.Names(root, "sys/class/rtc")
	if err != nil || len(names) == 0 {
		return errors.Join(err, errors.New("the kernel has no real-time clock"))
	}
	o, err := openOutside(terminals)
	if err != nil {
		return err
	}
	defer o.close()
	n.Device, n.Seconds = names[0], uint64(within.Seconds())
	start := time.Now()
	p := pausing{outside: o, answer: answer, within: within,
		now:    func() time.Duration { return time.Since(start) },
		clocks: func() (*rtc.Clocks, error) { return readClocks(root, n.Device) },
	}
	return p.try(request, n)
}

func readClocks(root fs.FS, device string) (*rtc.Clocks, error) {
	seconds, err := sysfs.Number(root, path.Join("sys/class/rtc", device, "since_epoch"), 63)
	return &rtc.Clocks{RTC: int64(seconds), Wall: time.Now().UnixMilli()}, err
}

// A pausing is the trial while it runs.
type pausing struct {
	outside
	answer func(line string) (nonce string, done, ok bool)
	now    func() time.Duration
	clocks func() (*rtc.Clocks, error)
	within time.Duration
}

func (p *pausing) try(request func(nonce string) string, n *rtc.PauseNote) (err error) {
	if n.Before, err = p.clocks(); err != nil {
		n.Before = nil
		return err
	}
	n.Nonce = fmt.Sprintf("%08x", rand.Uint32())
	asked := p.ask(request(n.Nonce))
	if n.Asked = note.Result(asked); asked != nil {
		return nil
	}
	for began := p.now(); n.Answer == "" && p.now()-began <= p.within; {
		p.wait()
		for _, line := range p.typed() {
			if nonce, done, ok := p.answer(line); ok && nonce == n.Nonce {
				n.Answer = Reply{Done: done}.word()
			}
		}
	}
	if n.After, err = p.clocks(); err != nil {
		n.After = nil
	}
	return err
}
