package browser

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openNamespace makes a network namespace with the relays' listeners on its
// loopback interface. A listener belongs to the namespace of the thread that made
// it, and can be used from everywhere: so no helper process is needed.
func (i *island) openNamespace() error {
	program, err := exec.LookPath("nsenter")
	if err != nil {
		return fmt.Errorf("%w, with the program nsenter of util-linux: %w", errNotAllowed, err)
	}
	type made struct {
		path      string
		listeners []net.Listener
		err       error
	}
	answer := make(chan made)
	end, ended := make(chan struct{}), make(chan struct{})
	var hold func()
	hold = func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// Not the main thread: /proc/self would show its network as that of all.
			// Another goroutine gets another thread while this one is taken.
			other := make(chan struct{})
			go func() { defer close(other); hold() }()
			<-other
			runtime.UnlockOSThread()
			return
		}
		// The thread is never unlocked, so it ends with this goroutine and nobody
		// else gets into the namespace by chance.
		defer close(ended)
		var m made
		m.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", unix.Getpid(), unix.Gettid())
		if m.err = unix.Unshare(unix.CLONE_NEWNET); errors.Is(m.err, unix.EPERM) {
			m.err = errNotAllowed
		}
		if m.err == nil {
			m.listeners, m.err = furnish(i.relays)
		}
		answer <- m
		if m.err == nil {
			<-end
		}
	}
	go hold()
	m := <-answer
	if m.err != nil {
		<-ended
		return fmt.Errorf("make a network of the browser's own: %w", m.err)
	}
	i.leave = func() { close(end); <-ended }
	// It stays the same process: nsenter is replaced by the program.
	i.enter = func(cmd *exec.Cmd) error {
		cmd.Args = append([]string{program, "--net=" + m.path, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = program
		return nil
	}
	i.serve(m.listeners)
	return nil
}

// furnish raises the interfaces of the current thread's namespace, which is
// empty, and listens for the relays.
func furnish(relays []*relay) ([]net.Listener, error) {
	quiet()
	if err := raise("lo"); err != nil {
		return nil, fmt.Errorf("raise the loopback interface: %w", err)
	}
	uplink() // a page then sees navigator.onLine as on any machine; without it all works, too
	var out []net.Listener
	for _, r := range relays {
		l, err := net.Listen("tcp4", r.at)
		if err != nil {
			for _, l := range out {
				_ = l.Close()
			}
			return nil, fmt.Errorf("listen in the network namespace: %w", err)
		}
		out = append(out, l)
	}
	return out, nil
}

// leaveItTo lets a program make the network, as a user who is not root: the
// kernel makes a user namespace only for a new process. The program listens there,
// hands the listeners over and becomes the browser (see Help).
func (i *island) leaveItTo(program string) error {
	var mu sync.Mutex
	var ends []*os.File
	i.leave = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, f := range ends {
			_ = f.Close()
		}
	}
	i.enter = func(cmd *exec.Cmd) error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("a way to the helper: %w", err)
		}
		ours, theirs := os.NewFile(uintptr(fds[0]), "helper"), os.NewFile(uintptr(fds[1]), "helper")
		mu.Lock()
		ends = append(ends, ours, theirs)
		mu.Unlock()
		args := []string{program, HelperArg, strconv.Itoa(3 + len(cmd.ExtraFiles))}
		for _, r := range i.relays {
			args = append(args, r.at)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
		cmd.Args = append(append(args, "--", cmd.Path), cmd.Args[1:]...)
		cmd.Path = program
		a := cmd.SysProcAttr
		a.Cloneflags |= unix.CLONE_NEWUSER | unix.CLONE_NEWNET
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: unix.Getuid(), HostID: unix.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: unix.Getgid(), HostID: unix.Getgid(), Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN} // of that namespace alone
		i.serving.Go(func() {
			listeners, err := receive(ours, len(i.relays))
			if err != nil {
				i.log.Debug("the browser's network", "error", err)
				return
			}
			i.serve(listeners)
		})
		return nil
	}
	return nil
}

// receive takes the listeners of a helper. It ends when the helper does, or the
// socket is closed.
func receive(from *os.File, n int) ([]net.Listener, error) {
	c, err := net.FileConn(from)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetReadDeadline(time.Now().Add(startLimit))
	rights := make([]byte, unix.CmsgSpace(4*max(n, 1)))
	_, got, _, _, err := c.(*net.UnixConn).ReadMsgUnix(make([]byte, 1), rights)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:got])
	if err != nil {
		return nil, err
	}
	var out []net.Listener
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			f := os.NewFile(uintptr(fd), "listener")
			l, err := net.FileListener(f)
			_ = f.Close()
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
	}
	if len(out) != n {
		return nil, fmt.Errorf("%d listeners of %d", len(out), n)
	}
	return out, nil
}

// Help does what a program does that Options.Helper names and that was started
// with HelperArg: it prepares the network that it was started in, hands its
// listeners over, and becomes the browser. It returns only when that fails.
func Help(args []string) error {
	fd, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("the socket: %w", err)
	}
	unix.CloseOnExec(fd)
	split := slices.Index(args, "--")
	if split < 0 || len(args) < split+2 {
		return errors.New("no program is named")
	}
	var relays []*relay
	for _, at := range args[1:split] {
		relays = append(relays, &relay{at: at})
	}
	listeners, err := furnish(relays)
	if err != nil {
		return err
	}
	var fds []int
	for _, l := range listeners {
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			return fmt.Errorf("hand a listener over: %w", err)
		}
		fds = append(fds, int(f.Fd()))
	}
	if err := unix.Sendmsg(fd, []byte{0}, unix.UnixRights(fds...), nil, 0); err != nil {
		return fmt.Errorf("hand the listeners over: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give the rights up: %w", err)
	}
	program := args[split+1]
	return fmt.Errorf("become %s: %w", program, unix.Exec(program, args[split+1:], os.Environ()))
}

// control gives a socket for interface requests.
func control(do func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(do(fd), unix.Close(fd))
}

func raise(name string) error {
	return control(func(fd int) error {
		r, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	})
}

// quiet turns IPv6 off in the current thread's namespace. An address of IPv6 is
// tried for a second or two before it counts, and that it then does is a change
// of the network for Chromium, in the middle of a check. Where /proc/sys cannot
// be written, a check that this hits is repeated like any other.
func quiet() {
	for _, of := range []string{"all", "default"} {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+of+"/disable_ipv6", []byte("1"), 0o600)
	}
}

// uplink adds an interface that leads nowhere: Chromium counts a machine with
// the loopback alone as offline, and names its errors by that.
func uplink() {
	const name, peer = "up0", "veth0" // the kernel names the other end
	for _, kind := range []string{"veth", "dummy"} {
		if addInterface(name, kind) != nil {
			continue
		}
		_ = raise(peer) // only a pair has one
		_ = control(func(fd int) error {
			for _, set := range []struct {
				request uint
				to      []byte
			}{
				{unix.SIOCSIFADDR, []byte{198, 18, 0, 1}}, // RFC 2544: of no real network
				{unix.SIOCSIFNETMASK, []byte{255, 255, 255, 255}},
			} {
				r, err := unix.NewIfreq(name)
				if err != nil {
					return err
				}
				if err := r.SetInet4Addr(set.to); err != nil {
					return err
				}
				if err := unix.IoctlIfreq(fd, set.request, r); err != nil {
					return err
				}
			}
			return nil
		})
		_ = raise(name)
		return
	}
}

// addInterface asks the kernel for an interface (rtnetlink(7), RTM_NEWLINK).
func addInterface(name, kind string) error {
	attr := func(of uint16, value []byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
		b = append(binary.NativeEndian.AppendUint16(b, of), value...)
		return append(b, make([]byte, (4-len(b)%4)%4)...)
	}
	body := make([]byte, unix.SizeofIfInfomsg)
	body = append(body, attr(unix.IFLA_IFNAME, append([]byte(name), 0))...)
	body = append(body, attr(unix.IFLA_LINKINFO, attr(unix.IFLA_INFO_KIND, []byte(kind)))...)
	const header = unix.SizeofNlMsghdr
	msg := binary.NativeEndian.AppendUint32(nil, uint32(header+len(body)))
	msg = binary.NativeEndian.AppendUint16(msg, unix.RTM_NEWLINK)
	msg = binary.NativeEndian.AppendUint16(msg, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	msg = append(msg, make([]byte, 8)...) // sequence and port: one question, one answer
	msg = append(msg, body...)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < header+4 {
		return errors.Join(err, errors.New("no answer"))
	}
	if code := int32(binary.NativeEndian.Uint32(answer[header:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
