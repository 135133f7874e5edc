package main

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/initramfs"
)

// ordinary lets the kernel make the self-tests of its cryptography, as it does with any
// VMM. The targets leave them out: what the suite adds would seem more of a boot than it
// is.
const ordinary = "cryptomgr.notests=0"

// BenchmarkBoot boots the suite and, in turn, the same VM with an init that
// only powers off. It reports medians: of wall time, how many seconds the
// suite adds; of the VMM's CPU seconds, the ratio. Run it by make bench, with
// a fixed number of rounds.
//
// The suite waits for edges of the clock, which is the host's. So each round begins at
// another part of a second; else a boot that ends behind an edge would give the next
// one its place in a second, always the same.
func BenchmarkBoot(b *testing.B) {
	bare := bareInitramfs(b)
	for _, name := range []string{"qemu-virt", "qemu-virt-uefi"} {
		b.Run(name, func(b *testing.B) {
			var bares, suites []cost
			for b.Loop() {
				bares = append(bares, boot(b, name, target.Options{Initramfs: bare, Append: ordinary}))
				awaitPart(partOf(len(suites)))
				suites = append(suites, boot(b, name, target.Options{Append: ordinary}))
			}
			b.ReportMetric(0, "ns/op") // the medians say it
			b.ReportMetric(median(suites, wall), "suite-s")
			b.ReportMetric(median(suites, wall)-median(bares, wall), "added-s")
			b.ReportMetric(median(suites, cpu), "suite-cpu-s")
			b.ReportMetric(median(suites, cpu)/median(bares, cpu), "cpu-ratio")
		})
	}
}

// partOf is the part of a second at which a round begins. However many rounds there are,
// the golden ratio spreads them evenly.
func partOf(round int) float64 {
	_, part := math.Modf(float64(round) * math.Phi)
	return part
}

// awaitPart waits until so much of the host's second has passed.
func awaitPart(part float64) {
	now := time.Now()
	next := now.Truncate(time.Second).Add(time.Duration(part * float64(time.Second)))
	if next.Before(now) {
		next = next.Add(time.Second)
	}
	time.Sleep(time.Until(next))
}

// BenchmarkBootFrames boots the suite without frames and, in turn, with them.
// It reports what they add to a direct boot in percent of medians.
func BenchmarkBootFrames(b *testing.B) {
	var without, with []cost
	for b.Loop() {
		awaitPart(partOf(len(with)))
		without = append(without, boot(b, "qemu-virt", target.Options{Append: ordinary + " vmspec.frames=0"}))
		awaitPart(partOf(len(with)))
		with = append(with, boot(b, "qemu-virt", target.Options{Append: ordinary}))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*(median(with, wall)/median(without, wall)-1), "wall-%")
	b.ReportMetric(100*(median(with, cpu)/median(without, cpu)-1), "cpu-%")
}

// floors are the least memory, in MiB, in which each target's guest reports.
var floors = map[string]int{"qemu-virt": 128, "qemu-virt-uefi": 192}

// BenchmarkFloor boots the suite in as little memory as it is to run in.
func BenchmarkFloor(b *testing.B) {
	for name, memory := range floors {
		b.Run(fmt.Sprintf("%s-%dMiB", name, memory), func(b *testing.B) {
			for b.Loop() {
				boot(b, name, target.Options{Memory: memory})
			}
		})
	}
}

// BenchmarkSize reports how large what boots is.
func BenchmarkSize(b *testing.B) {
	for _, name := range []string{"init", initramfsName} {
		info, err := os.Stat(filepath.Join(guestDir, name))
		require.NoError(b, err)
		b.ReportMetric(float64(info.Size()), name+"-B")
	}
	b.ReportMetric(0, "ns/op")
}

// cost is what one boot took.
type cost struct{ wall, cpu time.Duration }

func wall(c cost) float64 { return c.wall.Seconds() }
func cpu(c cost) float64  { return c.cpu.Seconds() }

func median(costs []cost, of func(cost) float64) float64 {
	var values []float64
	for _, c := range costs {
		values = append(values, of(c))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// boot runs a target by QEMU alone, so that the cost is the VMM's. What the
// options leave out is the suite's guest in 512 MiB.
func boot(b *testing.B, name string, o target.Options) cost {
	t, err := target.Find(name)
	require.NoError(b, err)
	suite := o.Initramfs == ""
	o.Initramfs = cmp.Or(o.Initramfs, filepath.Join(guestDir, initramfsName))
	o.Memory = cmp.Or(o.Memory, 512)
	o.GIC, o.CPUs, o.Accel, o.Kernel = 3, 1, "tcg", filepath.Join(guestDir, imageName)
	if kind := t.Firmware(); kind != nil {
		firmware, err := kind.Find("")
		require.NoError(b, err)
		o.Code = firmware.Code
		o.Vars, err = firmware.OwnVars(b.TempDir())
		require.NoError(b, err)
	}
	cmd := exec.Command(target.Binary, t.Args(o)...)
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
	took := time.Since(begin)
	if suite {
		require.Contains(b, string(out), "# vmspec: end points=")
	}
	return cost{wall: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// bareInitramfs packs testdata/bare.
func bareInitramfs(b *testing.B) string {
	dir := b.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "init"), "./testdata/bare")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	packed, err := os.Create(filepath.Join(dir, initramfsName))
	require.NoError(b, err)
	_, _, err = initramfs.Write(packed, initramfs.Config{Init: filepath.Join(dir, "init")})
	require.NoError(b, err)
	require.NoError(b, packed.Close())
	return packed.Name()
}
