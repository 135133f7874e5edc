// Flood is a guest's first process that lets the suite's init take its place
// and leaves a child behind. As soon as the report begins, the child fills the
// kernel's log from the other CPU, so that the kernel prints in its midst.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	if os.Getpid() == 1 {
		if _, err := syscall.ForkExec("/flood", []string{"flood"}, &syscall.ProcAttr{}); err != nil {
			println("flood:", err.Error())
		}
		println("flood:", syscall.Exec("/init", []string{"init"}, os.Environ()).Error())
		return
	}
	pin(1)
	// The suite says some 300 bytes of what it is doing before it reports.
	for sent() < 600 {
		time.Sleep(200 * time.Microsecond)
	}
	// The kernel's parameter flood=1ms comes as a variable.
	pause, _ := time.ParseDuration(os.Getenv("flood"))
	log, err := syscall.Open("/dev/kmsg", syscall.O_WRONLY, 0)
	if err != nil {
		println("flood:", err.Error())
	}
	for n := 0; err == nil; n++ {
		_, err = syscall.Write(log, fmt.Appendf(nil, "<6>flood %04d\n", n))
		time.Sleep(pause)
	}
}

// pin keeps the caller on one CPU.
func pin(cpu uint) {
	runtime.LockOSThread()
	mask := uint64(1) << cpu
	_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
}

// sent is how many bytes programs wrote to ttyAMA0: the kernel's own do not
// count.
func sent() int {
	text, _ := os.ReadFile("/proc/tty/driver/ttyAMA")
	_, text, _ = bytes.Cut(text, []byte("tx:"))
	number, _, _ := bytes.Cut(text, []byte(" "))
	n, _ := strconv.Atoi(string(number))
	return n
}
