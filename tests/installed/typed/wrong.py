"""What a type checker should find: each line that is wrong says how."""

import moft


def wrong(run: moft.Run) -> None:
    moft.Motion(left=True)  # wrong: call-arg
    moft.Motion(["left"])  # wrong: arg-type
    moft.Scene("red cells", seed="none")  # wrong: arg-type
    moft.write_video("a.mp4")  # wrong: call-arg
    moft.measure("clip.mp4")  # wrong: arg-type
    text: str = run.followed  # wrong: assignment
    print(text, run.nothing, moft.SteeringWarning.none)  # wrong: attr-defined
    print(moft.Motoin)  # wrong: attr-defined
