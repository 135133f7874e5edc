package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite"
)

// A part is what the host does in one boot of a series; nil for a run that is none.
type part struct {
	results.Series
	store  string // path of the store's file; empty for none
	resets int    // how often the guest may reset the VM
}

// parameters tell the guest of its part. The one with a fresh store gets a series of
// its own: it is to remove what it finds, and leave nothing.
func (p *part) parameters() string {
	in := suite.Series{Nonce: p.Nonce, Boot: p.Boot, Of: p.Of}
	if p.Fresh {
		in = suite.Series{Nonce: newNonce(), Boot: 1, Of: 1}
	}
	text := "vmspec.series=" + in.String()
	if p.resets > 0 {
		text += " vmspec.after=reboot"
	}
	return text
}

// begin looks at the store before the boot, and lets a VM come back that its guest
// resets.
func (p *part) begin(r *vmm.Run) {
	if p == nil {
		return
	}
	if p.store != "" {
		p.Store = &results.Store{File: p.store, Before: fileDigest(p.store)}
	}
	if p.Store == nil && slices.Contains(r.Command, "-bios") { // of QEMU: no flash is on a file
		p.Without = "-bios"
	}
	r.Resets = p.resets
}

// end looks at it after the boot, and returns the record.
func (p *part) end(out *vmm.Outcome) *results.Series {
	if p == nil {
		return nil
	}
	p.Ended = !out.Left || out.Off
	if p.Store != nil {
		p.Store.After = fileDigest(p.store)
	}
	return &p.Series
}

// resetOf says what became of a VM that its guest reset; empty if that was not seen.
func (p *part) resetOf(out *vmm.Outcome) string {
	switch {
	case !out.Reset:
	case out.CameBack:
		return results.ResetCameBack
	case p == nil || p.resets == 0: // then a VMM may be told to end
	case !out.Killed:
		return results.ResetEnded
	case out.Still():
		return results.ResetHung
	}
	return ""
}

// fileDigest is a file's SHA-256; "unreadable" for one that cannot be read.
func fileDigest(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return "unreadable"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unreadable"
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A series runs several boots of one VM: so many with one variable store, of which the
// first is reset on its way, and one with a fresh store, if there is a store or an image
// by which it differs.
type series struct {
	*watchFlags
	name     string
	dir      string // for what lives as long as the series
	template string // the store as it was in the beginning; empty for none
	image    bool   // the boots share an image that they may write to
	boot     func(c *cobra.Command, w watchFlags) error
}

// checkBoots refuses what cannot be meant of several boots.
func (w *watchFlags) checkBoots(chosen suite.Settings, given, capture string) error {
	if w.boots < 1 || w.boots >= report.MaxBoots {
		return fmt.Errorf("--boots %d: 1 to %d", w.boots, report.MaxBoots-1)
	}
	if w.boots == 1 {
		return nil
	}
	for _, word := range strings.Fields(given) {
		for _, name := range []string{"vmspec.after", "vmspec.series"} {
			if word == name || strings.HasPrefix(word, name+"=") {
				return fmt.Errorf("--append %s: --boots says that itself", word)
			}
		}
	}
	switch {
	case chosen.ReadOnly:
		return errors.New("--append vmspec.readonly: with --boots one boot leaves a variable for the next")
	case capture != "":
		return fmt.Errorf("--capture %s: of one boot, not of --boots %d", capture, w.boots)
	}
	if info, err := os.Stat(w.log); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--log %s: --boots keeps a log of each boot beside it, so that a file is needed", w.log)
	}
	return nil
}

// parts are the boots' parts, in their order.
func (s *series) parts() (parts []*part) {
	of := s.boots
	if s.template != "" || s.image {
		of++
	}
	var logs []string
	for i := range of {
		logs = append(logs, filepath.Base(seriesLog(s.log, i+1)))
	}
	nonce := newNonce()
	for i := range of {
		p := &part{Series: results.Series{Nonce: nonce, Boot: i + 1, Of: of, Fresh: i == s.boots, Image: s.image, Logs: logs}}
		if i == 0 {
			p.resets = 1
		}
		if s.template != "" {
			p.store = filepath.Join(s.dir, map[bool]string{false: "store.fd", true: "fresh.fd"}[p.Fresh])
		}
		parts = append(parts, p)
	}
	return parts
}

// seriesLog names the log of a boot by that of the first: vm.log, vm.boot2.log.
func seriesLog(log string, boot int) string {
	if boot == 1 {
		return log
	}
	ext := filepath.Ext(log)
	return fmt.Sprintf("%s.boot%d%s", strings.TrimSuffix(log, ext), boot, ext)
}

// run boots one after the other, and concludes on all together.
func (s *series) run(c *cobra.Command) error {
	if s.log == "" {
		s.log = filepath.Join(s.dir, "vm.log")
	}
	ctx := untilSignal(c)
	lost := map[string]error{}
	parts := s.parts()
	if err := s.forget(len(parts)); err != nil {
		return err
	}
	for i, p := range parts {
		err := s.runPart(c, p)
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case err == nil || errors.As(err, new(verdict)):
		case !errors.As(err, new(undecided)):
			return err
		case i == 0: // nothing is left for others to find
			return err
		default:
			lost[seriesLog(s.log, p.Boot)] = fmt.Errorf("boot %d: %w", p.Boot, err)
		}
	}
	m := mergeFlags{outputFlags: s.outputFlags, platform: s.name, vm: s.vm, profiles: s.profiles}
	return m.concludeSeries(c, s.log, parts[0].Logs, lost)
}

// forget removes what an earlier series left beside the first log: a boot that is not
// made any more must not count.
func (s *series) forget(boots int) error {
	for boot := 2; boot <= boots; boot++ {
		for _, name := range []string{seriesLog(s.log, boot), seriesLog(s.log, boot) + results.HostRunSuffix} {
			if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("--log: %w", err)
			}
		}
	}
	return nil
}

// runPart makes one boot. Its report is read from its log, later.
func (s *series) runPart(c *cobra.Command, p *part) error {
	if err := s.makeStore(p); err != nil {
		return fmt.Errorf("make a variable store: %w", err)
	}
	w := *s.watchFlags
	w.log, w.part, w.profiles, w.boots = seriesLog(s.log, p.Boot), p, nil, 1
	quiet := &cobra.Command{}
	at := liveOf(c.Context())
	quiet.SetContext(withLive(c.Context(), at))
	quiet.SetOut(io.Discard)
	quiet.SetErr(io.Discard)
	done := showChanging(c.ErrOrStderr(), func() string { return fmt.Sprintf("booting %s: %d of %d: %s", s.name, p.Boot, p.Of, at) })
	defer done()
	return s.boot(quiet, w)
}

// makeStore makes the boot's store, unless a boot before it has made it.
func (s *series) makeStore(p *part) error {
	if p.store == "" {
		return nil
	}
	if _, err := os.Stat(p.store); err == nil {
		return nil
	}
	return copySparsely(s.template, p.store)
}

// copySparsely copies a file. Blocks of zeros take no room.
func copySparsely(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	size, err := copyBlocks(out, in)
	if err == nil {
		err = out.Truncate(size)
	}
	return errors.Join(err, out.Close())
}

// copyBlocks copies what is not zero, and returns how long it is in all.
func copyBlocks(to io.WriterAt, from io.Reader) (size int64, err error) {
	block := make([]byte, 64<<10)
	zeros := make([]byte, len(block))
	for {
		n, err := io.ReadFull(from, block)
		if n > 0 && string(block[:n]) != string(zeros[:n]) {
			if _, err := to.WriteAt(block[:n], size); err != nil {
				return size, err
			}
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}
