"use client";

import { useEffect, useState } from "react";
import { createTask, deleteTask, listTasks, type Task } from "@/lib/tasks";

export default function Tasks() {
  const [tasks, setTasks] = useState<Task[]>([]);

  useEffect(() => {
    listTasks().then(setTasks, () => setTasks([]));
  }, []);

  const add = async (title: string) => {
    const task = await createTask(title);
    setTasks((before) => [...before, task]);
  };

  return (
    <>
      <button onClick={() => add("Milk")}>Add</button>
      <ul>
        {tasks.map((task, at) => (
          <li key={at} onDoubleClick={() => deleteTask(at)}>
            {task.title ?? task.owner}
          </li>
        ))}
      </ul>
    </>
  );
}
